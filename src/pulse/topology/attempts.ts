import { createHash, randomBytes } from 'node:crypto';
import type { QueueSpec } from './queue.ts';
import type { Delivery, Properties } from '../transport/transport.ts';

/**
 * How often a message was tried, so that a restart does not forget it. `redelivered` is no counter.
 *
 * A quorum queue counts by itself: RabbitMQ writes `x-delivery-count`, and a message is given back with
 * `basic.reject`, which every version counts. Any other queue gets a copy of the message with the count in this header, through
 * an exchange of one's own that is bound to the queue, and the first copy is acknowledged when the broker has
 * confirmed the second. Pulse allows no other way: nobody may publish to the default exchange, and so to a queue.
 */
const HEADER = 'tcw-retry';

interface Retried extends Failed {
  readonly exchange: string;
  readonly routingKey: string;
  readonly routes: readonly string[];
}

/** How often a message has failed, and when it is to be tried again. */
export interface Failed {
  readonly failures: number;
  /** How long it was to wait, in ms. */
  readonly delayMs: number;
  /** When that is over, in ms since the epoch, by the clock of who wrote it. */
  readonly dueMs: number;
}

/** The exchange that brings messages back to the queues of a user. */
export function retryExchange(namespace: string): string {
  return `exchange/${namespace}/tcw-retry`;
}

/** What a queue's routing keys at that exchange begin with. A queue's own name could be read as a pattern, or be too long. */
function retryName(queue: string): string {
  return createHash('sha256').update(queue).digest('hex');
}

/** The pattern that brings a queue its messages back. */
export function retryPattern(queue: string): string {
  return `${retryName(queue)}.#`;
}

/** Tells the copies of one process from those of another. */
const prefix = randomBytes(6).toString('hex');
let copies = 0;

/** The routing key of one copy, of its own: should nobody want it, it is known again by that. */
export function copyKey(queue: string): string {
  return `${retryName(queue)}.${prefix}.${++copies}`;
}

/** What to publish, so that a message comes to its queue again as one that has failed so often. */
export function retriedProperties(
  { exchange, routingKey, headers, messageId, raw }: Delivery,
  failed: Failed,
): Properties {
  const { CC, ...others } = headers;
  const retried: Retried = { ...failed, exchange, routingKey, routes: routesOf({ CC }) };
  return {
    routes: [],
    headers: { ...others, [HEADER]: retried },
    messageId,
    copied: raw && { raw, changed: { CC: undefined, [HEADER]: retried } },
  };
}

/**
 * A delivery that came by the retry exchange, as it was published first. Any other loses the header, should it have
 * one: only we may write to that exchange, and nobody else is to say how often a message of theirs has failed.
 *
 * A dead letter of such a message gets its name back too, and begins to count anew. It came by another exchange of one's
 * own, where only what died in one's own queues can come from, and the broker has written that it died of a copy.
 */
export function asPublished(delivery: Delivery, ownRetryExchange: string): Delivery {
  if (delivery.headers[HEADER] === undefined) return delivery;
  const { [HEADER]: written, ...others } = delivery.headers;
  const counts = delivery.exchange === ownRetryExchange;
  const retried = counts || diedOfCopy(delivery, ownRetryExchange) ? retriedOf(written) : undefined;
  if (!retried) return { ...delivery, headers: others };
  const { exchange, routingKey, routes } = retried;
  const headers = {
    ...(counts ? delivery.headers : others),
    ...(routes.length > 0 && { CC: routes }),
  };
  return { ...delivery, exchange, routingKey, headers };
}

/** Whether a message came by one's own exchange of dead letters, as a copy that the retry exchange had brought. */
function diedOfCopy({ exchange, routingKey, headers }: Delivery, ownRetryExchange: string): boolean {
  const own = ownRetryExchange.slice(0, ownRetryExchange.lastIndexOf('/') + 1);
  const deaths = headers['x-death'];
  // RabbitMQ puts the last death first, where the exchange is the publisher's own if it was not a copy of ours. Before 4.0 it
  // goes on with what a publisher says of earlier deaths, so that who knows the queue can still misname what is theirs.
  const last = (Array.isArray(deaths) ? deaths[0] : undefined) as
    { exchange?: unknown; queue?: unknown } | undefined;
  return (
    exchange.startsWith(own) &&
    last?.exchange === ownRetryExchange &&
    typeof last.queue === 'string' &&
    `${routingKey}.`.startsWith(`${retryName(last.queue)}.`)
  );
}

/** What is written in the header, where it is what we write there. */
function retriedOf(written: unknown): Retried | undefined {
  if (typeof written !== 'object' || written === null) return undefined;
  const { failures, delayMs, dueMs, exchange, routingKey, routes } = written as Partial<Retried>;
  const numbers = [failures, delayMs, dueMs].every(number => Number.isFinite(number));
  const texts = [exchange, routingKey].every(text => typeof text === 'string');
  const keys = Array.isArray(routes) && routes.every(route => typeof route === 'string');
  return numbers && texts && keys ? (written as Retried) : undefined;
}

/** How often a message has failed before this delivery, as far as is written down. */
export function failuresOf({ headers, redelivered }: Delivery, { options }: QueueSpec): number {
  // On a first delivery the broker writes nothing, and what a publisher wrote comes through.
  if (options.quorum) return redelivered ? Number(headers['x-delivery-count'] ?? 0) : 0;
  return (headers[HEADER] as Partial<Retried> | undefined)?.failures ?? 0;
}

/** How long a message has to wait until it is tried again, in ms: never longer than it was told, whatever the clocks say. */
export function waitOf({ headers }: Delivery): number {
  const retried = headers[HEADER] as Partial<Retried> | undefined;
  if (!retried) return 0;
  const { dueMs = 0, delayMs = 0 } = retried;
  return Math.min(Math.max(0, dueMs - Date.now()), delayMs);
}

export function routesOf(headers: Readonly<Record<string, unknown>>): readonly string[] {
  return Array.isArray(headers.CC) ? headers.CC.filter(route => typeof route === 'string') : [];
}
