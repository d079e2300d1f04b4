import type { QueueOptions } from '../transport.ts';

export interface StoredMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Uint8Array;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly messageId?: string | undefined;
}

/** A message in one queue. */
export interface QueuedMessage {
  readonly message: StoredMessage;
  /** Its place among the queue's messages. It returns there when it is requeued. */
  readonly position: number;
  redelivered: boolean;
  /** How often it was returned unsettled. A quorum queue reports this number in `x-delivery-count`. */
  deliveries: number;
}

export interface MemoryConsumer {
  readonly prefetch: number;
  readonly priority: number;
  unacked: number;
  deliver(queued: QueuedMessage): void;
  cancelled(): void;
}

/** Why a message left a queue without being consumed, in RabbitMQ's terms. */
export type DeathReason = 'rejected' | 'maxlen' | 'delivery_limit';

/**
 * One queue, with messages in order. Among the consumers whose prefetch allows another message, those of the highest
 * priority take turns.
 */
export class MemoryQueue {
  readonly name: string;
  readonly options: QueueOptions;
  /** The connection that holds an exclusive queue. */
  readonly owner: object | undefined;
  readonly bindings: { exchange: string; pattern: string }[] = [];
  readonly consumers: MemoryConsumer[] = [];
  readonly #onDeath: (message: StoredMessage, reason: DeathReason) => void;
  #messages: QueuedMessage[] = [];
  #lastPosition = 0;
  #lastUsedMs = performance.now();

  constructor(
    name: string,
    options: QueueOptions,
    owner: object | undefined,
    /** Called for each message that is dropped, or dead-lettered if the options say so. */
    onDeath: (message: StoredMessage, reason: DeathReason) => void = () => undefined,
  ) {
    this.name = name;
    this.options = options;
    this.owner = owner;
    this.#onDeath = onDeath;
  }

  /** Number of waiting messages. */
  get length(): number {
    return this.#messages.length;
  }

  /** The waiting messages, the next one first. */
  get messages(): readonly StoredMessage[] {
    return this.#messages.map(({ message }) => message);
  }

  /** Whether the queue had no consumer and no declaration for `expiresMs`. */
  get expired(): boolean {
    const unusedMs = this.consumers.length > 0 ? 0 : performance.now() - this.#lastUsedMs;
    return unusedMs >= (this.options.expiresMs ?? Infinity);
  }

  /** Whether the queue is full and refuses new messages instead of dropping the oldest. */
  get full(): boolean {
    const { overflow, maxLength = Infinity } = this.options;
    return overflow === 'reject-publish' && this.#messages.length >= maxLength;
  }

  declaredAgain(): void {
    this.#lastUsedMs = performance.now();
  }

  addConsumer(consumer: MemoryConsumer): void {
    this.consumers.push(consumer);
    this.deliver();
  }

  removeConsumer(consumer: MemoryConsumer): void {
    const index = this.consumers.indexOf(consumer);
    if (index >= 0) this.consumers.splice(index, 1);
    this.#lastUsedMs = performance.now();
  }

  push(message: StoredMessage): void {
    this.#messages.push({ message, position: ++this.#lastPosition, redelivered: false, deliveries: 0 });
    this.deliver();
    this.#dropOldest();
  }

  /** Puts messages back into their places. */
  requeue(returned: readonly QueuedMessage[]): void {
    const { quorum, deliveryLimit = Infinity } = this.options;
    const kept: QueuedMessage[] = [];
    for (const queued of returned) {
      queued.redelivered = true;
      queued.deliveries++;
      if (quorum && queued.deliveries > deliveryLimit) this.die(queued, 'delivery_limit');
      else kept.push(queued);
    }
    this.#messages = [...kept, ...this.#messages].sort((a, b) => a.position - b.position);
    this.#dropOldest();
    this.deliver();
  }

  /** Drops or dead-letters a message. */
  die({ message }: QueuedMessage, reason: DeathReason): void {
    this.#onDeath(message, reason);
  }

  /** Drops the waiting messages and returns their number. */
  purge(): number {
    return this.#messages.splice(0).length;
  }

  deliver(): void {
    while (this.#messages.length > 0) {
      const able = this.consumers.filter(({ unacked, prefetch }) => unacked < prefetch);
      // The sort is stable, so consumers of the same priority take turns.
      const [consumer] = able.sort((a, b) => b.priority - a.priority);
      const queued = consumer && this.#messages.shift();
      if (!queued) return;
      this.consumers.splice(this.consumers.indexOf(consumer), 1);
      this.consumers.push(consumer);
      consumer.unacked++;
      consumer.deliver(queued);
    }
  }

  #dropOldest(): void {
    if (this.options.overflow === 'reject-publish') return;
    const excess = this.#messages.length - (this.options.maxLength ?? Infinity);
    if (excess > 0) for (const queued of this.#messages.splice(0, excess)) this.die(queued, 'maxlen');
  }
}
