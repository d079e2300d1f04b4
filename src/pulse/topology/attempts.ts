import { createHash, randomBytes } from 'node:crypto';
import type { QueueSpec } from './queue.ts';
import type { Delivery, Properties } from '../transport/transport.ts';

/**
 * Stores how often a message was tried, so that the number survives a restart. `redelivered` is not a counter.
 *
 * A quorum queue counts by itself: RabbitMQ writes `x-delivery-count`, and a message is given back with
 * `basic.reject`, which every version counts. For any other queue, a copy of the message is published with the count
 * in this header, through an exchange of the user that is bound to the queue. The original is acknowledged when the
 * broker has confirmed the copy. Pulse allows no other way, because nobody may publish to the default exchange and
 * thus directly to a queue.
 */
const HEADER = 'tcw-retry';

interface Retried extends Failed {
  readonly exchange: string;
  readonly routingKey: string;
  readonly routes: readonly string[];
}

/** How often a message has failed, and when it is due. */
export interface Failed {
  readonly failures: number;
  /** The delay before the next attempt, in ms. */
  readonly delayMs: number;
  /** The time when the message is due, in ms since the epoch, by the clock of the process that wrote it. */
  readonly dueMs: number;
}

/** Returns the name of the user's retry exchange, which routes copies back to the user's queues. */
export function retryExchange(namespace: string): string {
  return `exchange/${namespace}/tcw-retry`;
}

/**
 * The prefix of a queue's routing keys at that exchange. The queue's name itself could act as a pattern or be too
 * long.
 */
function retryName(queue: string): string {
  return createHash('sha256').update(queue).digest('hex');
}

/** Returns the pattern with which a queue is bound to the retry exchange. */
export function retryPattern(queue: string): string {
  return `${retryName(queue)}.#`;
}

/** Makes the routing keys of copies unique among processes. */
const prefix = randomBytes(6).toString('hex');
let copies = 0;

/** Returns a unique routing key for one copy. If the copy is returned as unroutable, this key identifies it. */
export function copyKey(queue: string): string {
  return `${retryName(queue)}.${prefix}.${++copies}`;
}

/** Returns the properties of a copy that carries the number of failures of a message. */
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
 * Restores a delivery from the retry exchange to its original form. From any other delivery, this function removes
 * the header. Only this user may publish to the retry exchange, so no other publisher can set the count of failures.
 *
 * A dead letter of such a copy also gets its original exchange and routing key back, and its count starts again. It
 * came through another exchange of the user, which only receives messages that died in the user's queues, and the
 * broker has recorded that a copy died.
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

/** Whether a message came through a dead-letter exchange of the user and is a copy from the retry exchange. */
function diedOfCopy({ exchange, routingKey, headers }: Delivery, ownRetryExchange: string): boolean {
  const own = ownRetryExchange.slice(0, ownRetryExchange.lastIndexOf('/') + 1);
  const deaths = headers['x-death'];
  // RabbitMQ puts the last death first. Its exchange is the publisher's own, unless the message was a copy of ours.
  // Before 4.0, RabbitMQ continues a list of deaths that a publisher has sent. So a publisher that knows the queue
  // can still give its own message a wrong name.
  const last = (Array.isArray(deaths) ? deaths[0] : undefined) as
    { exchange?: unknown; queue?: unknown } | undefined;
  return (
    exchange.startsWith(own) &&
    last?.exchange === ownRetryExchange &&
    typeof last.queue === 'string' &&
    `${routingKey}.`.startsWith(`${retryName(last.queue)}.`)
  );
}

/** Returns the content of the header if it has the expected form. */
function retriedOf(written: unknown): Retried | undefined {
  if (typeof written !== 'object' || written === null) return undefined;
  const { failures, delayMs, dueMs, exchange, routingKey, routes } = written as Partial<Retried>;
  const numbers = [failures, delayMs, dueMs].every(number => Number.isFinite(number));
  const texts = [exchange, routingKey].every(text => typeof text === 'string');
  const keys = Array.isArray(routes) && routes.every(route => typeof route === 'string');
  return numbers && texts && keys ? (written as Retried) : undefined;
}

/** How often a message failed before this delivery, as far as it is recorded. */
export function failuresOf({ headers, redelivered }: Delivery, { options }: QueueSpec): number {
  // On the first delivery, the broker does not write this header, so a publisher could have set it.
  if (options.quorum) return redelivered ? Number(headers['x-delivery-count'] ?? 0) : 0;
  return (headers[HEADER] as Partial<Retried> | undefined)?.failures ?? 0;
}

/**
 * How long a message must still wait before its next attempt, in ms. Never longer than `delayMs`, whatever the clocks
 * say.
 */
export function waitOf({ headers }: Delivery): number {
  const retried = headers[HEADER] as Partial<Retried> | undefined;
  if (!retried) return 0;
  const { dueMs = 0, delayMs = 0 } = retried;
  return Math.min(Math.max(0, dueMs - Date.now()), delayMs);
}

export function routesOf(headers: Readonly<Record<string, unknown>>): readonly string[] {
  return Array.isArray(headers.CC) ? headers.CC.filter(route => typeof route === 'string') : [];
}
