import { randomUUID } from 'node:crypto';
import { checkShortString } from './short-string.ts';
import type { QueueOptions } from './transport.ts';

/** A queue to consume from. It is declared with its consumer, again on each connection. */
export interface QueueSpec {
  /** Messages that come while nobody is connected are lost; a gap event says so. */
  readonly ephemeral: boolean;
  /** The queue's name for one connection, under the user's `queue/<namespace>/`. */
  readonly nameFor: (namespace: string) => string;
  readonly options: QueueOptions;
}

/**
 * A queue that lives and dies with one connection: exclusive, and named anew each time, since the broker keeps
 * the old name locked (405) for seconds after a connection was cut.
 *
 * @param label shown in the queue's name, for the broker's operators
 */
export function ephemeralQueue(label = 'ephemeral'): QueueSpec {
  return {
    ephemeral: true,
    nameFor: namespace => checkShortString(`queue/${namespace}/${label}/${randomUUID()}`, 'queue name'),
    options: { exclusive: true, durable: false, autoDelete: true },
  };
}

/**
 * A queue that stays when its consumers go, shared by all who name it.
 *
 * @param name below `queue/<namespace>/`. Put a version into it: a queue can never be declared again with other
 *   bounds (the broker answers 406, for ever).
 * @param bounds `expiresMs` without a consumer and it is removed; past `maxLength` messages the oldest go.
 *   Pulse never allows an unbounded queue.
 */
export function namedQueue(
  name: string,
  bounds: { readonly expiresMs: number; readonly maxLength: number },
): QueueSpec {
  return {
    ephemeral: false,
    nameFor: namespace => checkShortString(`queue/${namespace}/${name}`, 'queue name'),
    options: { exclusive: false, durable: true, autoDelete: false, ...bounds },
  };
}
