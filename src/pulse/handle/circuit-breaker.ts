import { equalJitter } from '../../base/index.ts';

const PAUSE = { baseMs: 1_000, capMs: 30_000 };

/** How long a trial may take before the next message is tried. */
const TRIAL_MS = 30_000;

/**
 * Tells an outage of a dependency of the handler from a bad message, and stops handlers while the outage lasts.
 *
 * The circuit opens when several messages in a row fail at their first attempt. While it is open, no handler starts except
 * for a trial after each pause; pauses grow to 30 s. The first success closes the circuit. Messages that wait meanwhile use
 * up no attempts. The prefetch fills, so the broker sends nothing more. A trial that hangs delays the next one by 30 s.
 *
 * Repeated failures of one message do not open the circuit.
 */
export class CircuitBreaker {
  readonly #threshold: number;
  readonly #onPause: (ms: number) => void;
  readonly #onAllowed: () => void;
  #failuresInARow = 0;
  #pauses = 0;
  /** Whether the pause after the last failure is still running. */
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

  /** Whether an outage lasts. */
  get open(): boolean {
    return this.#pauses > 0;
  }

  /** Whether a handler may start now. */
  get allows(): boolean {
    return !this.open || this.#halfOpen;
  }

  /** A handler starts. */
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

  /** A handler ended without showing whether its dependencies work: the next message is tried. */
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
