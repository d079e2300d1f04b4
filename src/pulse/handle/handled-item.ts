import { waitOf } from '../topology/attempts.ts';
import { PulseError } from '../errors.ts';
import type { HandlerContext, HandleResult } from './handle-options.ts';
import { DeliveredMessage, type Origin, type PulseMessage } from '../consume/message.ts';
import type { RetryPolicy } from './retry-policy.ts';
import type { Delivery } from '../transport/transport.ts';

/** A message that was delivered to `handle`, until it is settled. */
export class HandledItem<M extends PulseMessage> implements HandlerContext {
  readonly message: M;
  readonly #policy: RetryPolicy;
  readonly #source: { readonly delivery: Delivery; readonly origin: Origin } | undefined;
  /** Tries of this delivery that could not be written down. */
  uncounted = 0;
  startedMs = 0;
  #abort: AbortController | undefined;
  #forget: (() => void) | undefined;

  constructor(message: M, policy: RetryPolicy) {
    this.message = message;
    this.#policy = policy;
    this.#source = DeliveredMessage.sourceOf(message);
  }

  /** Runs a handler where telemetry sees it. Returns what it does, and throws what it throws. */
  traced(run: () => unknown): unknown {
    const { origin, delivery } = this.#source ?? {};
    if (!origin?.telemetry || !delivery) return run();
    const queue = { name: origin.queue, ephemeral: origin.spec.ephemeral };
    return origin.telemetry.handling(queue, delivery, this.attempt, run);
  }

  /** Undefined for a message that somebody else made. */
  get origin(): Origin | undefined {
    return this.#source?.origin;
  }

  /** Whether its channel has gone: the broker delivers it again. */
  get lost(): boolean {
    return this.#source?.origin.lost ?? false;
  }

  get keepsDeadLetters(): boolean {
    return this.#source?.origin.spec.deadLetter !== undefined;
  }

  /** What becomes of it when it is given up. */
  get givenUpAs(): 'dead-lettered' | 'rejected' {
    return this.keepsDeadLetters && !this.#source?.delivery.breaksDeadLetters ? 'dead-lettered' : 'rejected';
  }

  /** What the end of a settled message is called. */
  get settledAs(): HandleResult<M>['outcome'] {
    if (DeliveredMessage.settledLate(this.message)) return 'lost';
    const { outcome } = this.message;
    if (outcome === 'ack') return 'acked';
    if (outcome === 'requeue') return 'requeued';
    return this.givenUpAs;
  }

  /** How long it has to wait before its first try here, in ms: it failed elsewhere. */
  get waitMs(): number {
    return this.#source ? waitOf(this.#source.delivery) : 0;
  }

  get attempt(): number {
    return this.message.attempt + this.uncounted;
  }

  get lastAttempt(): boolean {
    return this.attempt >= this.#policy.attempts;
  }

  /** Made when it is asked for: most handlers never do. */
  get signal(): AbortSignal {
    if (!this.#abort) {
      const abort = (this.#abort = new AbortController());
      this.#forget = this.origin?.onLost(() => {
        abort.abort(new PulseError('connection', 'the message is lost: its channel has gone'));
      });
    }
    return this.#abort.signal;
  }

  /** Lets it wait outside of the prefetch, or no more. Returns false when it takes a place all the same. */
  park(parked: boolean): boolean {
    return this.#source?.origin.park(this.#source.delivery, parked) ?? true;
  }

  /** Publishes a copy with its count of failures; returns whether the broker has it. */
  async writeDown(failures: number, delayMs: number): Promise<boolean> {
    if (!this.#source) return false;
    const { origin, delivery } = this.#source;
    return origin.republish(delivery, { failures, delayMs, dueMs: Date.now() + delayMs });
  }

  /** A try is over. Another one of the same delivery gets a signal of its own. */
  over(): void {
    this.#forget?.();
    this.#forget = undefined;
    this.#abort = undefined;
  }

  abort(reason: PulseError): void {
    this.#abort?.abort(reason);
  }
}
