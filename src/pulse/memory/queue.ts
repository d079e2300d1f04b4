import type { QueueOptions } from '../transport.ts';

export interface StoredMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Uint8Array;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** A message in one queue. */
export interface QueuedMessage {
  readonly message: StoredMessage;
  /** Its place among the queue's messages, which it gets back when it is requeued. */
  readonly position: number;
  redelivered: boolean;
}

export interface MemoryConsumer {
  readonly prefetch: number;
  unacked: number;
  deliver(queued: QueuedMessage): void;
  cancelled(): void;
}

/** One queue: messages in order, and consumers that take turns while their prefetch allows. */
export class MemoryQueue {
  readonly name: string;
  readonly options: QueueOptions;
  /** The connection that holds an exclusive queue. */
  readonly owner: object | undefined;
  readonly bindings: { exchange: string; pattern: string }[] = [];
  readonly consumers: MemoryConsumer[] = [];
  #messages: QueuedMessage[] = [];
  #lastPosition = 0;
  #lastUsedMs = performance.now();

  constructor(name: string, options: QueueOptions, owner: object | undefined) {
    this.name = name;
    this.options = options;
    this.owner = owner;
  }

  get length(): number {
    return this.#messages.length;
  }

  /** Whether nobody consumed or declared it for as long as it may last. */
  get expired(): boolean {
    const unusedMs = this.consumers.length > 0 ? 0 : performance.now() - this.#lastUsedMs;
    return unusedMs >= (this.options.expiresMs ?? Infinity);
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
    this.#messages.push({ message, position: ++this.#lastPosition, redelivered: false });
    this.deliver();
    this.#dropOldest();
  }

  /** Puts messages back where they were. */
  requeue(returned: readonly QueuedMessage[]): void {
    for (const queued of returned) queued.redelivered = true;
    this.#messages = [...returned, ...this.#messages].sort((a, b) => a.position - b.position);
    this.#dropOldest();
    this.deliver();
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
    const excess = this.#messages.length - (this.options.maxLength ?? Infinity);
    if (excess > 0) this.#messages.splice(0, excess);
  }
}
