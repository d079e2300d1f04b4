import { waitOf } from '../topology/attempts.ts';
import type { HandleResult } from './handle-options.ts';
import { DeliveredMessage, type Origin, type PulseMessage } from '../consume/message.ts';
import type { RetryPolicy } from './retry-policy.ts';
import type { Delivery } from '../transport/transport.ts';

/** A message that `handle` received and that is not settled yet. */
export class HandledItem<M extends PulseMessage> {
  readonly message: M;
  readonly #policy: RetryPolicy;
  readonly #source: { readonly delivery: Delivery; readonly origin: Origin } | undefined;
  /** Number of failed attempts of this delivery that are not stored at the broker. */
  uncounted = 0;

  constructor(message: M, policy: RetryPolicy) {
    this.message = message;
    this.#policy = policy;
    this.#source = DeliveredMessage.sourceOf(message);
  }

  /** Runs a handler inside a span. Returns its result and throws its error. */
  traced(run: () => unknown): unknown {
    const { origin, delivery } = this.#source ?? {};
    if (!origin?.telemetry || !delivery) return run();
    const queue = { name: origin.queue, ephemeral: origin.spec.ephemeral };
    return origin.telemetry.handling(queue, delivery, this.attempt, run);
  }

  /** Undefined for a message that does not come from `consume`. */
  get origin(): Origin | undefined {
    return this.#source?.origin;
  }

  /** Whether its channel is lost, so that the broker delivers it again. */
  get lost(): boolean {
    return this.#source?.origin.lost ?? false;
  }

  get keepsDeadLetters(): boolean {
    return this.#source?.origin.spec.deadLetter !== undefined;
  }

  /** The outcome if the message is given up. */
  get givenUpAs(): 'dead-lettered' | 'rejected' {
    return this.keepsDeadLetters && !this.#source?.delivery.breaksDeadLetters ? 'dead-lettered' : 'rejected';
  }

  /** The outcome of a settled message. */
  get settledAs(): HandleResult<M>['outcome'] {
    if (DeliveredMessage.settledLate(this.message)) return 'lost';
    const { settlement } = this.message;
    if (settlement === 'ack') return 'acked';
    if (settlement === 'requeue') return 'requeued';
    return this.givenUpAs;
  }

  /** How long the message must wait before its first attempt here, in ms, because an earlier delivery failed. */
  get waitMs(): number {
    return this.#source ? waitOf(this.#source.delivery) : 0;
  }

  get attempt(): number {
    return this.message.attempt + this.uncounted;
  }

  get lastAttempt(): boolean {
    return this.attempt >= this.#policy.attempts;
  }

  /** Excludes the message from the prefetch while it waits. Returns false if it uses up prefetch anyway. */
  excludeFromPrefetch(excluded: boolean): boolean {
    return this.#source?.origin.excludeFromPrefetch(this.#source.delivery, excluded) ?? true;
  }

  /** Publishes a copy with the number of failed attempts. Returns whether the broker has it. */
  async publishCopy(failures: number, delayMs: number): Promise<boolean> {
    if (!this.#source) return false;
    const { origin, delivery } = this.#source;
    return origin.republish(delivery, { failures, delayMs, dueMs: Date.now() + delayMs });
  }
}
