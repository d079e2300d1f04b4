import type { HandledItem } from './handled-item.ts';
import { DeliveredMessage, type PulseMessage } from '../consume/message.ts';
import { Parked } from './parked.ts';

/** A copy that the broker has not confirmed for so long, in ms, keeps the message that it is of from taking a place. */
const SLOW_COPY_MS = 1_000;

export interface RetryHooks<M extends PulseMessage> {
  /** A message is due that has to be tried here. */
  readonly due: (item: HandledItem<M>) => void;
  /** A failure is known here alone. */
  readonly notCounted: (message: M) => void;
  /** So many wait that others have to wait for them. */
  readonly crowded: (waiting: number) => void;
}

/** Lets failed messages be tried again when they are due: by whoever gets them, or else here. */
export class Retries<M extends PulseMessage> {
  readonly #hooks: RetryHooks<M>;
  readonly #parked: Parked<M>;
  #finishing = false;
  #left = false;

  constructor(hooks: RetryHooks<M>) {
    this.#hooks = hooks;
    this.#parked = new Parked(hooks.crowded);
  }

  /** Whether what waits is outside of the prefetch, so that others can come. */
  set outside(outside: boolean) {
    this.#parked.outside = outside;
  }

  forgetLost(): void {
    this.#parked.forgetLost();
  }

  /** Gives back what waits for its time, and what would. */
  finish(): void {
    this.#finishing = true;
    this.#parked.giveBack();
  }

  /** Nobody waits for anything any more. */
  leave(): void {
    this.#left = true;
    this.#parked.stop();
  }

  /** Writes a failure down, and lets the message be tried again. Settles when the broker knows, or surely never will. */
  async again(item: HandledItem<M>, failures: number, delayMs: number): Promise<void> {
    const { message, origin } = item;
    if (item.lost) return;
    if (this.#left) {
      // It goes back uncounted, as all that is held does then: a copy would be one more.
      if (this.#finishing) message.requeue();
      return;
    }
    if (origin?.spec.options.quorum) {
      this.#delay(item, delayMs, () => {
        DeliveredMessage.giveBackCounted(message);
      });
      return;
    }
    if (origin) {
      if (await this.#writtenDown(item, failures, delayMs)) {
        message.ack();
        return;
      }
      if (item.lost) return;
      this.#hooks.notCounted(message);
    }
    item.uncounted++;
    this.hereAfter(item, delayMs);
  }

  /** Lets a message be tried here when it is due. */
  hereAfter(item: HandledItem<M>, ms: number): void {
    this.#delay(item, ms, () => {
      this.#hooks.due(item);
    });
  }

  /** Settles when the broker has a copy or surely has none, however long that takes: a second one would stay. */
  async #writtenDown(item: HandledItem<M>, failures: number, delayMs: number): Promise<boolean> {
    const slow = setTimeout(() => {
      this.#parked.hold(item);
    }, SLOW_COPY_MS);
    const written = await item.writeDown(failures, delayMs);
    clearTimeout(slow);
    this.#parked.letGo(item);
    return written;
  }

  /** Holds a message until it is due, or gives it back when there is nobody to wait for that. */
  #delay(item: HandledItem<M>, ms: number, due: () => void): void {
    if (this.#finishing || this.#left) DeliveredMessage.giveBackCounted(item.message);
    else if (ms > 0) this.#parked.hold(item, ms, due);
    else due();
  }
}
