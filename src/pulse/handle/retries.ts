import type { HandledItem } from './handled-item.ts';
import { DeliveredMessage, type PulseMessage } from '../consume/message.ts';
import { WaitingRetries } from './waiting-retries.ts';

/** If a message's copy is not confirmed within this time, in ms, the message is excluded from the prefetch. */
const SLOW_COPY_MS = 1_000;

export interface RetryHooks<M extends PulseMessage> {
  /** Called when a message is due and this consumer must try it. */
  readonly due: (item: HandledItem<M>) => void;
  /** Called when the number of failures is known only in this process. */
  readonly notCounted: (message: M) => void;
  /** Called when so many messages wait that they delay others. */
  readonly crowded: (waiting: number) => void;
}

/** Schedules failed messages for another attempt, by this consumer or by the next one that receives them. */
export class Retries<M extends PulseMessage> {
  readonly #hooks: RetryHooks<M>;
  readonly #waiting: WaitingRetries<M>;
  #finishing = false;
  #left = false;

  constructor(hooks: RetryHooks<M>) {
    this.#hooks = hooks;
    this.#waiting = new WaitingRetries(hooks.crowded);
  }

  /** Whether waiting messages are excluded from the prefetch, so that other messages can arrive. */
  set excluded(excluded: boolean) {
    this.#waiting.excluded = excluded;
  }

  forgetLost(): void {
    this.#waiting.forgetLost();
  }

  /** Gives back the messages that wait now and those that would wait later. */
  finish(): void {
    this.#finishing = true;
    this.#waiting.giveBack();
  }

  /** Stops waiting for anything. */
  leave(): void {
    this.#left = true;
    this.#waiting.stop();
  }

  /**
   * Stores the number of failures and schedules the next attempt. Settles when the broker has the number, or
   * certainly never will.
   */
  async again(item: HandledItem<M>, failures: number, delayMs: number): Promise<void> {
    const { message, origin } = item;
    if (item.lost) return;
    if (this.#left) {
      // All held messages are given back uncounted now. A copy would be a duplicate.
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
      if (await this.#copied(item, failures, delayMs)) {
        message.ack();
        return;
      }
      if (item.lost) return;
      this.#hooks.notCounted(message);
    }
    item.uncounted++;
    this.hereAfter(item, delayMs);
  }

  /** Schedules an attempt by this consumer. */
  hereAfter(item: HandledItem<M>, ms: number): void {
    this.#delay(item, ms, () => {
      this.#hooks.due(item);
    });
  }

  /**
   * Publishes a copy. Settles when the broker has it or certainly does not, however long that takes, because a second
   * copy would be a duplicate.
   */
  async #copied(item: HandledItem<M>, failures: number, delayMs: number): Promise<boolean> {
    const slow = setTimeout(() => {
      this.#waiting.hold(item);
    }, SLOW_COPY_MS);
    const copied = await item.publishCopy(failures, delayMs);
    clearTimeout(slow);
    this.#waiting.release(item);
    return copied;
  }

  /** Holds a message until it is due. If the stream is ending, gives it back instead. */
  #delay(item: HandledItem<M>, ms: number, due: () => void): void {
    if (this.#finishing || this.#left) DeliveredMessage.giveBackCounted(item.message);
    else if (ms > 0) this.#waiting.hold(item, ms, due);
    else due();
  }
}
