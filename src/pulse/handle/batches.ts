import { inTimerRange } from '../../base/index.ts';
import type { BatchOptions } from './handle-options.ts';

const DEFAULT_BATCH_WAIT_MS = 1_000;

/** Decides how many waiting messages form the next batch, and when. */
export class Batches {
  readonly #size: number;
  readonly #waitMs: number;
  readonly #onDue: () => void;
  #due = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    options: BatchOptions | undefined,
    /** Called when a batch has waited long enough. */
    onDue: () => void,
  ) {
    this.#size = options?.size ?? 1;
    this.#waitMs = options ? (options.waitMs ?? DEFAULT_BATCH_WAIT_MS) : 0;
    this.#onDue = onDue;
  }

  /**
   * Returns how many messages to handle now. 0 means to wait for more.
   *
   * @param single whether to handle a single message, so that an outage uses up as few attempts as possible
   */
  take(waiting: number, single: boolean): number {
    const enough = waiting >= this.#size || this.#waitMs === 0;
    if (!enough && !single && !this.#due) {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#due = true;
        this.#onDue();
      }, inTimerRange(this.#waitMs));
      return 0;
    }
    this.stop();
    return single ? 1 : Math.min(waiting, this.#size);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = false;
  }
}
