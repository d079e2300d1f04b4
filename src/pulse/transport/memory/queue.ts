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
  /** Its place among the queue's messages, which it gets back when it is requeued. */
  readonly position: number;
  redelivered: boolean;
  /** How often it came back unsettled: what a quorum queue tells in `x-delivery-count`. */
  deliveries: number;
}

export interface MemoryConsumer {
  readonly prefetch: number;
  unacked: number;
  deliver(queued: QueuedMessage): void;
  cancelled(): void;
}

/** Why a message left a queue without being consumed, in RabbitMQ's words. */
export type DeathReason = 'rejected' | 'maxlen' | 'delivery_limit';

/** One queue: messages in order, and consumers that take turns while their prefetch allows. */
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
    /** Told of messages that are dropped, or dead-lettered where the options say so. */
    onDeath: (message: StoredMessage, reason: DeathReason) => void = () => undefined,
  ) {
    this.name = name;
    this.options = options;
    this.owner = owner;
    this.#onDeath = onDeath;
  }

  /** How many messages wait. */
  get length(): number {
    return this.#messages.length;
  }

  /** The messages that wait, the next one first. */
  get messages(): readonly StoredMessage[] {
    return this.#messages.map(({ message }) => message);
  }

  /** Whether nobody consumed or declared it for as long as it may last. */
  get expired(): boolean {
    const unusedMs = this.consumers.length > 0 ? 0 : performance.now() - this.#lastUsedMs;
    return unusedMs >= (this.options.expiresMs ?? Infinity);
  }

  /** Whether it refuses messages instead of dropping its oldest. */
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

  /** Puts messages back where they were. */
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

  /** Drops a message, or lets it be dead-lettered. */
  die({ message }: QueuedMessage, reason: DeathReason): void {
    this.#onDeath(message, reason);
  }

  /** Drops what waits, and returns how many there were. */
  purge(): number {
    return this.#messages.splice(0).length;
  }

  deliver(): void {
    while (this.#messages.length > 0) {
      const turn = this.consumers.findIndex(consumer => consumer.unacked < consumer.prefetch);
      if (turn < 0) return;
      const [consumer] = this.consumers.splice(turn, 1);
      const queued = this.#messages.shift();
      if (!consumer || !queued) return;
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
