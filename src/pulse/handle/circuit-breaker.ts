import { equalJitter } from '../../base/index.ts';

const PAUSE = { baseMs: 1_000, capMs: 30_000 };

/** How long a trial may take before the next message is tried. */
const TRIAL_MS = 30_000;

/**
 * Distinguishes an outage of the handler's dependencies from a bad message, and stops handlers during an outage.
 *
 * The circuit opens when several messages in a row fail at their first attempt. While it is open, one message is tried
 * after each pause, and no other handler starts. The pauses grow to 30 s. The first success closes the circuit.
 * Messages that wait meanwhile use up no attempts. The prefetch fills up, so the broker sends no more messages. A
 * trial that hangs delays the next one by 30 s.
 *
 * Repeated failures of one message do not open the circuit.
 */
export class CircuitBreaker {
  readonly #threshold: number;
  readonly #onPause: (ms: number) => void;
  readonly #onAllowed: () => void;
  #failuresInARow = 0;
  #pauses = 0;
  /** Whether the pause after a failure is still running. */
  #pausing = false;
  /** Whether the next message may start as a trial. */
  #halfOpen = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    concurrency: number,
    /** Called at the start of each pause, with its length in ms. */
    onPause: (ms: number) => void,
    /** Called when a handler may start again. */
    onAllowed: () => void,
  ) {
    this.#threshold = Math.max(5, concurrency);
    this.#onPause = onPause;
    this.#onAllowed = onAllowed;
  }

  /** Whether there is an outage at the moment. */
  get open(): boolean {
    return this.#pauses > 0;
  }

  /** Whether a handler may start now. */
  get allows(): boolean {
    return !this.open || this.#halfOpen;
  }

  /** Call this when a handler starts. */
  started(): void {
    if (!this.open) return;
    this.#halfOpen = false;
    this.#allowAfter(TRIAL_MS);
  }

  succeeded(): void {
    this.#failuresInARow = 0;
    if (!this.open) return;
    this.stop();
    this.#pauses = 0;
    this.#onAllowed();
  }

  failed(atFirstAttempt: boolean): void {
    if (atFirstAttempt) this.#failuresInARow++;
    const isOutage = this.open || this.#failuresInARow >= this.#threshold;
    if (!isOutage || this.#pausing) return;
    const ms = equalJitter(++this.#pauses, PAUSE);
    this.#pausing = true;
    this.#halfOpen = false;
    this.#allowAfter(ms);
    this.#onPause(ms);
  }

  /** Call this when a handler's result does not show whether its dependencies work. The next message may be tried. */
  inconclusive(): void {
    if (this.open && !this.#pausing) this.#halfOpen = true;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#pausing = false;
    this.#halfOpen = false;
  }

  #allowAfter(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#pausing = false;
      this.#halfOpen = true;
      this.#onAllowed();
    }, ms);
  }
}
