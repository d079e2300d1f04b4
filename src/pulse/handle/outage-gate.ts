import { retryDelay } from './retry-policy.ts';

const PAUSE = { baseMs: 1_000, capMs: 30_000 };

/** How long the one that is let through may take before another one is. */
const PATIENCE_MS = 30_000;

/**
 * Tells an outage of what the handler needs from a bad message, and holds everything up while it lasts.
 *
 * When one message after another fails at its first try, and none succeeds in between, no handler starts any more. Then
 * one is let through now and then, at growing distances of up to 30 s; the first that succeeds opens the gate. What waits
 * is held and uses up no attempts; the prefetch fills, and the broker sends nothing more. Handlers that began before are
 * none of those that are let through, and one that hangs holds up the next for 30 s.
 *
 * A bad message that is tried again and again does not close it.
 */
export class OutageGate {
  readonly #threshold: number;
  readonly #onPause: (ms: number) => void;
  readonly #onOpen: () => void;
  #failuresInARow = 0;
  #pauses = 0;
  /** Whether a pause lasts that the last failure began. */
  #pausing = false;
  /** Whether the next one is let through. */
  #ajar = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    concurrency: number,
    /** Told when nothing starts for so long, in ms. */
    onPause: (ms: number) => void,
    /** Told when something may start again. */
    onOpen: () => void,
  ) {
    this.#threshold = Math.max(5, concurrency);
    this.#onPause = onPause;
    this.#onOpen = onOpen;
  }

  /** Whether an outage is under way. */
  get closed(): boolean {
    return this.#pauses > 0;
  }

  /** Whether a handler may start now. */
  get admits(): boolean {
    return !this.closed || this.#ajar;
  }

  /** A handler starts. */
  started(): void {
    if (!this.closed) return;
    this.#ajar = false;
    this.#letThroughAfter(PATIENCE_MS);
  }

  succeeded(): void {
    this.#failuresInARow = 0;
    if (!this.closed) return;
    this.stop();
    this.#pauses = 0;
    this.#onOpen();
  }

  failed(atFirstTry: boolean): void {
    if (atFirstTry) this.#failuresInARow++;
    const isOutage = this.closed || this.#failuresInARow >= this.#threshold;
    if (!isOutage || this.#pausing) return;
    const ms = retryDelay(++this.#pauses, PAUSE);
    this.#pausing = true;
    this.#ajar = false;
    this.#letThroughAfter(ms);
    this.#onPause(ms);
  }

  /** A handler has ended in a way that says nothing of what it needs: another one may find out. */
  undecided(): void {
    if (this.closed && !this.#pausing) this.#ajar = true;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#pausing = false;
    this.#ajar = false;
  }

  #letThroughAfter(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#pausing = false;
      this.#ajar = true;
      this.#onOpen();
    }, ms);
  }
}
