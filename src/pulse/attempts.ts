import { createHash } from 'node:crypto';
import type { QueueSpec } from './queue.ts';
import type { Delivery, Properties } from './transport.ts';

/**
 * How often a message was tried, so that a restart does not forget it. `redelivered` is no counter.
 *
 * A quorum queue counts by itself: RabbitMQ writes `x-delivery-count`, and a message is given back with
 * `basic.reject`, which every version counts. Any other queue gets a copy of the message with the count in this header, through
 * an exchange of one's own that is bound to the queue, and the first copy is acknowledged when the broker has
 * confirmed the second. Pulse allows no other way: nobody may publish to the default exchange, and so to a queue.
 */
const HEADER = 'tcw-retry';

interface Retried {
  readonly failures: number;
  readonly exchange: string;
  readonly routingKey: string;
  readonly routes: readonly string[];
}

/** The exchange that brings messages back to the queues of a user. */
export function retryExchange(namespace: string): string {
  return `exchange/${namespace}/tcw-retry`;
}

/** The routing key of a queue at that exchange. A queue's own name could be read as a pattern, or be too long. */
export function retryKey(queue: string): string {
  return createHash('sha256').update(queue).digest('hex');
}

/** What to publish, so that a message comes to its queue again as one that has failed so often. */
export function retriedProperties(
  { exchange, routingKey, headers, messageId }: Delivery,
  failures: number,
): Properties {
  const { CC, ...others } = headers;
  const retried: Retried = { failures, exchange, routingKey, routes: routesOf({ CC }) };
  return {
    routes: [],
    headers: { ...others, [HEADER]: retried },
    ...(messageId !== undefined && { messageId }),
  };
}

/** A delivery that came by the retry exchange, as it was published first; any other unchanged. */
export function asPublished(delivery: Delivery, ownRetryExchange: string): Delivery {
  if (delivery.exchange !== ownRetryExchange) return delivery;
  const retried = delivery.headers[HEADER] as Retried | undefined;
  if (!retried) return delivery;
  const { exchange, routingKey, routes } = retried;
  const headers = { ...delivery.headers, ...(routes.length > 0 && { CC: routes }) };
  return { ...delivery, exchange, routingKey, headers };
}

/**
 * How often a message has failed before this delivery, as far as is written down. A delivery that nobody settled counts
 * once more: its process, or its connection, ended while it was being handled or waiting for it.
 */
export function failuresOf({ headers, redelivered }: Delivery, { options }: QueueSpec): number {
  if (options.quorum) return Number(headers['x-delivery-count'] ?? 0);
  const { failures = 0 } = (headers[HEADER] ?? {}) as Partial<Retried>;
  return failures + (redelivered ? 1 : 0);
}

export function routesOf(headers: Readonly<Record<string, unknown>>): readonly string[] {
  return Array.isArray(headers.CC) ? headers.CC.filter(route => typeof route === 'string') : [];
}
