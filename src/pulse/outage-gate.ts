import { retryDelay } from './retry-policy.ts';

const PAUSE = { baseMs: 1_000, capMs: 30_000 };

/**
 * Tells an outage of what the handler needs from a bad message, and holds everything up while it lasts.
 *
 * When one message after another fails at its first try, and none succeeds in between, no handler starts any more. Then
 * one is let through now and then, at growing distances of up to 30 s; the first that succeeds opens the gate. What waits
 * is held and uses up no attempts; the prefetch fills, and the broker sends nothing more.
 *
 * A bad message that is tried again and again does not close it.
 */
export class OutageGate {
  readonly #threshold: number;
  readonly #onPause: (ms: number) => void;
  readonly #onOpen: () => void;
  #failuresInARow = 0;
  #pauses = 0;
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

  /** How many of a concurrency may run now. */
  limit(concurrency: number): number {
    if (this.#timer) return 0;
    return this.#pauses > 0 ? 1 : concurrency;
  }

  succeeded(): void {
    this.#failuresInARow = 0;
    if (this.#pauses === 0) return;
    this.stop();
    this.#pauses = 0;
    this.#onOpen();
  }

  failed(atFirstTry: boolean): void {
    if (atFirstTry) this.#failuresInARow++;
    const isOutage = this.#pauses > 0 || this.#failuresInARow >= this.#threshold;
    if (!isOutage || this.#timer) return;
    const ms = retryDelay(++this.#pauses, PAUSE);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#onOpen();
    }, ms);
    this.#onPause(ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
