import type { Delivery } from './transport.ts';

/** What becomes of a message: done with, dropped (or dead-lettered), or given to somebody else at once. */
export type Outcome = 'ack' | 'reject' | 'requeue';

/**
 * One message, to be settled exactly once. Settling it again, or after its channel is gone, does nothing and
 * returns false: the broker has it back by then, and an answer on another channel would settle another message.
 */
export interface PulseMessage<T = unknown> {
  readonly body: T;
  readonly exchange: string;
  readonly routingKey: string;
  /** The further routing keys it was published under (`CC`). */
  readonly routes: readonly string[];
  readonly headers: Readonly<Record<string, unknown>>;
  /** Delivered before, to somebody. Not a counter. */
  readonly redelivered: boolean;
  readonly settled: boolean;
  ack(): boolean;
  /** Drops the message, or dead-letters it where the queue says so. */
  reject(): boolean;
  /** Puts it back at once. Requeuing what comes straight back is a hot loop: 1,000 rounds in 0.2 s. */
  requeue(): boolean;
}

/** Makes the message whose outcome goes to `settle`, at most once; `settle` tells whether it was still in time. */
export function pulseMessage<T>(
  delivery: Delivery,
  body: T,
  settle: (outcome: Outcome) => boolean,
): PulseMessage<T> {
  let settled = false;
  const once = (outcome: Outcome) => {
    if (settled) return false;
    settled = true;
    return settle(outcome);
  };
  return {
    body,
    exchange: delivery.exchange,
    routingKey: delivery.routingKey,
    routes: routesOf(delivery.headers),
    headers: delivery.headers,
    redelivered: delivery.redelivered,
    get settled() {
      return settled;
    },
    ack: () => once('ack'),
    reject: () => once('reject'),
    requeue: () => once('requeue'),
  };
}

function routesOf(headers: Readonly<Record<string, unknown>>): readonly string[] {
  return Array.isArray(headers.CC) ? headers.CC.filter(route => typeof route === 'string') : [];
}
