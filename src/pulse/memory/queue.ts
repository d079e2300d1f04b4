import type { QueueOptions } from '../transport.ts';

export interface StoredMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Uint8Array;
  readonly headers: Readonly<Record<string, unknown>>;
  redelivered: boolean;
}

export interface MemoryConsumer {
  readonly prefetch: number;
  unacked: number;
  deliver(message: StoredMessage): void;
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
  #messages: StoredMessage[] = [];

  constructor(name: string, options: QueueOptions, owner: object | undefined) {
    this.name = name;
    this.options = options;
    this.owner = owner;
  }

  get length(): number {
    return this.#messages.length;
  }

  removeConsumer(consumer: MemoryConsumer): void {
    const index = this.consumers.indexOf(consumer);
    if (index >= 0) this.consumers.splice(index, 1);
  }

  push(message: StoredMessage): void {
    this.#messages.push(message);
    if (this.#messages.length > (this.options.maxLength ?? Infinity)) this.#messages.shift();
    this.deliver();
  }

  /** Puts messages back where they were: at the head, in their order. */
  requeue(messages: readonly StoredMessage[]): void {
    for (const message of messages) message.redelivered = true;
    this.#messages = [...messages, ...this.#messages];
    this.deliver();
  }

  deliver(): void {
    while (this.#messages.length > 0) {
      const turn = this.consumers.findIndex(consumer => consumer.unacked < consumer.prefetch);
      if (turn < 0) return;
      const [consumer] = this.consumers.splice(turn, 1);
      const message = this.#messages.shift();
      if (!consumer || !message) return;
      this.consumers.push(consumer);
      consumer.unacked++;
      consumer.deliver(message);
    }
  }
}
