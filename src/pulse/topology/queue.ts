import { randomUUID } from 'node:crypto';
import { PulseError } from '../errors.ts';
import { checkShortString } from '../transport/short-string.ts';
import type { QueueOptions } from '../transport/transport.ts';

/** A queue to consume from. It is declared with its consumer, again on each connection. */
export interface QueueSpec {
  /** Messages that come while nobody is connected are lost; a gap event says so. */
  readonly ephemeral: boolean;
  /** The queue's name for one connection, under the user's `queue/<namespace>/`. */
  readonly nameFor: (namespace: string) => string;
  readonly options: QueueOptions;
  /** Where its rejected messages go: an exchange of one's own, and a queue bound to it. */
  readonly deadLetter?: DeadLetterSpec | undefined;
}

/** Where a queue's rejected messages are kept, under the user's own names. */
export interface DeadLetterSpec {
  readonly exchangeFor: (namespace: string) => string;
  readonly queue: QueueSpec;
}

/** Bounds of an ephemeral queue. */
export interface EphemeralQueueOptions {
  /** Past so many messages the oldest go, and nothing tells. Without it PulseGuardian deletes the queue at 8,000: a `gap`. */
  readonly maxLength?: number | undefined;
}

/** Bounds and abilities of a named queue. The broker never changes them for a queue that exists (406). */
export interface NamedQueueOptions {
  /**
   * Past so many messages the oldest go. Pulse never allows an unbounded queue: PulseGuardian warns the owner of one with
   * 2,000 messages, those that are held included, and deletes it at 8,000.
   */
  readonly maxLength: number;
  /** Removed after so long, in ms, without a consumer. Without it the queue stays until it is deleted. */
  readonly expiresMs?: number | undefined;
  /** What happens past `maxLength`: `drop-head`, or `reject-publish` for the publisher to be told. */
  readonly overflow?: 'drop-head' | 'reject-publish' | undefined;
  /**
   * A quorum queue: replicated, and it counts how often each message was delivered, over every crash and restart.
   * RabbitMQ 3.8 and later.
   */
  readonly quorum?: boolean | undefined;
  /**
   * Of a quorum queue: a message delivered more often is dropped, or dead-lettered. 20 by default, which RabbitMQ 4.0
   * and later take by themselves; 3.x has no limit of its own, so it is always said.
   */
  readonly deliveryLimit?: number | undefined;
  /**
   * Keeps rejected messages: declares the exchange `exchange/<namespace>/<name>/dead` and a queue
   * `queue/<namespace>/<name>/dead` with this bound, 1,000 for `true`. See {@link deadLetterQueue}.
   * Under Pulse's permissions the default exchange is not allowed, which others use for this.
   */
  readonly deadLetter?:
    boolean | { readonly maxLength?: number; readonly expiresMs?: number | undefined } | undefined;
}

/** What RabbitMQ 4 takes when a quorum queue says nothing. */
const DELIVERY_LIMIT = 20;
const DEAD_LETTERS = 1_000;

/**
 * A queue that lives and dies with one connection: exclusive, and named anew each time, since the broker keeps
 * the old name locked (405) for seconds after a connection was cut. RabbitMQ 4.3 refuses transient queues that are not
 * exclusive; this one is.
 *
 * @param label shown in the queue's name, for the broker's operators
 * @throws PulseError `invalid` for a bound that no queue can have
 */
export function ephemeralQueue(label = 'ephemeral', { maxLength }: EphemeralQueueOptions = {}): QueueSpec {
  checkBounds(label, { maxLength });
  return {
    ephemeral: true,
    nameFor: namespace => checkShortString(`queue/${namespace}/${label}/${randomUUID()}`, 'queue name'),
    options: {
      exclusive: true,
      durable: false,
      autoDelete: true,
      ...(maxLength !== undefined && { maxLength }),
    },
  };
}

/**
 * A queue that stays when its consumers go, shared by all who name it.
 *
 * @param name below `queue/<namespace>/`. Put a version into it: a queue can never be declared again with other
 *   bounds (the broker answers 406, for ever).
 * @throws PulseError `invalid` for bounds that no queue can have
 */
export function namedQueue(name: string, bounds: NamedQueueOptions): QueueSpec {
  const { maxLength, expiresMs, overflow, quorum, deadLetter } = bounds;
  const deliveryLimit = bounds.deliveryLimit ?? (quorum ? DELIVERY_LIMIT : undefined);
  checkBounds(name, { maxLength, expiresMs, deliveryLimit });
  if (deliveryLimit !== undefined && !quorum) {
    throw new PulseError(
      'invalid',
      `queue ${name} has a deliveryLimit, which only a quorum queue counts: quorum: true`,
    );
  }
  return {
    ephemeral: false,
    nameFor: namespace => checkShortString(`queue/${namespace}/${name}`, 'queue name'),
    options: {
      exclusive: false,
      durable: true,
      autoDelete: false,
      maxLength,
      ...(expiresMs !== undefined && { expiresMs }),
      ...(overflow !== undefined && { overflow }),
      ...(quorum && { quorum }),
      ...(deliveryLimit !== undefined && { deliveryLimit }),
    },
    ...(deadLetter && {
      deadLetter: {
        exchangeFor: namespace => checkShortString(`exchange/${namespace}/${name}/dead`, 'exchange name'),
        queue: namedQueue(`${name}/dead`, {
          maxLength: DEAD_LETTERS,
          ...(deadLetter !== true && deadLetter),
        }),
      },
    }),
  };
}

/**
 * The queue of the messages that a queue has rejected, to consume them (with no bindings) or to look at it.
 *
 * @throws PulseError `invalid` when the queue keeps none
 */
export function deadLetterQueue({ deadLetter }: QueueSpec): QueueSpec {
  if (deadLetter) return deadLetter.queue;
  throw new PulseError(
    'invalid',
    'the queue keeps no dead letters: namedQueue(…, { deadLetter: true }) would',
  );
}

function checkBounds(name: string, bounds: Readonly<Record<string, number | undefined>>): void {
  for (const [bound, value] of Object.entries(bounds)) {
    if (value === undefined || (Number.isInteger(value) && value >= 1)) continue;
    throw new PulseError(
      'invalid',
      `${bound} of queue ${name} is ${value}; it has to be a whole number from 1`,
    );
  }
}
