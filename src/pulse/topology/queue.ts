import { randomUUID } from 'node:crypto';
import { PulseError } from '../errors.ts';
import { checkOptions, described, type OptionKinds } from '../options.ts';
import { checkShortString } from '../transport/short-string.ts';
import type { QueueOptions } from '../transport/transport.ts';

/** Describes a queue to consume from. The consumer declares it on each connection. */
export interface QueueSpec {
  /** If true, messages published while the consumer is disconnected are lost, and the consumer emits `gap`. */
  readonly ephemeral: boolean;
  /** Returns the queue's full name for one connection, under `queue/<namespace>/`. */
  readonly nameFor: (namespace: string) => string;
  readonly options: QueueOptions;
  /** The exchange and the queue that keep its rejected messages. */
  readonly deadLetter?: DeadLetterSpec | undefined;
}

/** The exchange and the queue that keep rejected messages. */
export interface DeadLetterSpec {
  readonly exchangeFor: (namespace: string) => string;
  readonly queue: QueueSpec;
}

/** Limits of an ephemeral queue. */
export interface EphemeralQueueOptions {
  /**
   * Maximum number of messages. Beyond it, the broker drops the oldest messages silently. Without a maximum,
   * PulseGuardian deletes the queue at 8,000 messages, and the consumer emits `gap`.
   */
  readonly maxLength?: number | undefined;
}

/** Properties of a named queue. They cannot be changed once the queue exists (the broker answers 406). */
export interface NamedQueueOptions {
  /**
   * Maximum number of messages. Beyond it, the broker drops the oldest messages (see `overflow`). It is required
   * because Pulse does not allow unbounded queues: at 2,000 messages, unsettled ones included, PulseGuardian warns
   * the owner of the queue, and at 8,000 it deletes the queue. With a maximum above 8,000, the consumer emits the
   * warning `max-length-too-high`.
   */
  readonly maxLength: number;
  /**
   * The broker removes the queue after this time in ms without a consumer. Default: the queue stays until it is
   * deleted.
   */
  readonly expiresMs?: number | undefined;
  /**
   * What the broker does beyond `maxLength`: `drop-head` drops the oldest message, `reject-publish` refuses the new
   * one.
   */
  readonly overflow?: 'drop-head' | 'reject-publish' | undefined;
  /**
   * Declares a quorum queue: replicated, and it counts each message's deliveries across crashes. RabbitMQ 3.8 or
   * later.
   */
  readonly quorum?: boolean | undefined;
  /**
   * Only for a quorum queue: the broker drops or dead-letters a message that is delivered more often than this.
   * Default: 20, as in RabbitMQ 4.0 and later.
   */
  readonly deliveryLimit?: number | undefined;
  /**
   * Keeps rejected messages. The consumer also declares the exchange `exchange/<namespace>/<name>/dead` and the queue
   * `queue/<namespace>/<name>/dead` with these limits (`true`: at most 1,000 messages). See {@link deadLetterQueue}.
   */
  readonly deadLetter?: boolean | DeadLetterOptions | undefined;
}

/** Limits of a dead-letter queue. */
export interface DeadLetterOptions {
  readonly maxLength?: number | undefined;
  readonly expiresMs?: number | undefined;
}

/** Whether a value was made by {@link namedQueue} or {@link ephemeralQueue}. */
export function isQueueSpec(value: unknown): value is QueueSpec {
  return typeof (value as Partial<QueueSpec> | null | undefined)?.nameFor === 'function';
}

const EPHEMERAL_OPTIONS: OptionKinds<EphemeralQueueOptions> = { maxLength: 'number' };
const DEAD_LETTER_OPTIONS: OptionKinds<DeadLetterOptions> = { maxLength: 'number', expiresMs: 'number' };
const NAMED_OPTIONS: OptionKinds<NamedQueueOptions> = {
  maxLength: 'number',
  expiresMs: 'number',
  overflow: 'text',
  quorum: 'boolean',
  deliveryLimit: 'number',
  deadLetter: ['boolean', 'object'],
};

/** RabbitMQ 4 applies this limit to quorum queues by default. RabbitMQ 3 has no default. */
const DELIVERY_LIMIT = 20;
const DEAD_LETTERS = 1_000;

/**
 * Describes a queue that lives as long as one connection. It is exclusive. It gets a new name for each connection,
 * because the broker keeps the old name locked (405) for seconds after a connection breaks.
 *
 * @param label part of the queue's name, so that the broker's operators recognize it
 * @throws PulseError `invalid` for a label or a limit that no queue can have
 */
export function ephemeralQueue(label = 'ephemeral', options: EphemeralQueueOptions = {}): QueueSpec {
  checkName('ephemeralQueue', label);
  checkOptions('ephemeralQueue', options, EPHEMERAL_OPTIONS);
  const { maxLength } = options;
  checkLimits(label, { maxLength });
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
 * Describes a durable queue, shared by all consumers that use its name. It keeps messages while no consumer is
 * connected.
 *
 * @param name the queue's name without the prefix `queue/<namespace>/`. Include a version in it, because an existing
 *   queue cannot be declared with different options (the broker answers 406).
 * @throws PulseError `invalid` for a name or limits that no queue can have
 */
export function namedQueue(name: string, options: NamedQueueOptions): QueueSpec {
  checkName('namedQueue', name);
  checkOptions(`namedQueue('${name}', …)`, options, NAMED_OPTIONS);
  const { maxLength, expiresMs, overflow, quorum, deadLetter } = options;
  if (maxLength === undefined) {
    throw new PulseError(
      'invalid',
      `namedQueue('${name}', …) needs a maxLength, such as { maxLength: 1_000 }`,
    );
  }
  if (overflow !== undefined && !OVERFLOWS.includes(overflow)) {
    throw new PulseError('invalid', `overflow of queue ${name} must be drop-head or reject-publish`);
  }
  const deliveryLimit = options.deliveryLimit ?? (quorum ? DELIVERY_LIMIT : undefined);
  checkLimits(name, { maxLength, expiresMs, deliveryLimit });
  if (deliveryLimit !== undefined && !quorum) {
    throw new PulseError('invalid', `queue ${name} has a deliveryLimit, which needs quorum: true`);
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
        queue: deadLetters(name, deadLetter === true ? {} : deadLetter),
      },
    }),
  };
}

const OVERFLOWS: readonly unknown[] = ['drop-head', 'reject-publish'];

function deadLetters(name: string, options: DeadLetterOptions): QueueSpec {
  checkOptions(`namedQueue('${name}', …)`, options, DEAD_LETTER_OPTIONS, 'deadLetter');
  return namedQueue(`${name}/dead`, { ...options, maxLength: options.maxLength ?? DEAD_LETTERS });
}

/**
 * Returns the dead-letter queue of a queue, to consume it (without bindings) or to inspect it.
 *
 * @throws PulseError `invalid` if the queue keeps no dead letters
 */
export function deadLetterQueue(queue: QueueSpec): QueueSpec {
  if (!isQueueSpec(queue))
    throw new PulseError('invalid', 'deadLetterQueue needs a queue, made by namedQueue(…)');
  if (queue.deadLetter) return queue.deadLetter.queue;
  throw new PulseError(
    'invalid',
    'the queue keeps no dead letters; declare it with namedQueue(…, { deadLetter: true })',
  );
}

function checkName(call: string, name: unknown): void {
  if (typeof name !== 'string') {
    throw new PulseError('invalid', `${call} needs a name first, which is a string, not ${described(name)}`);
  }
  if (name === '') throw new PulseError('invalid', `${call} needs a name that is not empty`);
  checkShortString(name, 'queue name');
  const [, own] = /^(?:queue|exchange)\/[^/]*\/?(.*)$/s.exec(name) ?? [];
  if (own === undefined) return;
  throw new PulseError(
    'invalid',
    `${call}('${name}'): leave out the prefix, which is added automatically: ${call}('${own || 'name'}')`,
  );
}

function checkLimits(name: string, limits: Readonly<Record<string, number | undefined>>): void {
  for (const [limit, value] of Object.entries(limits)) {
    if (value === undefined || (Number.isInteger(value) && value >= 1)) continue;
    throw new PulseError(
      'invalid',
      `${limit} of queue ${name} is ${value}; it must be a whole number from 1`,
    );
  }
}
