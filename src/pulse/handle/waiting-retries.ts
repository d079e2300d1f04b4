import type { HandledItem } from './handled-item.ts';
import { DeliveredMessage, type PulseMessage } from '../consume/message.ts';

/**
 * Messages that wait for another attempt. The consumer holds them and excludes them from the prefetch, so that other
 * messages can arrive meanwhile. Beyond the number that may be held that way, they use up the prefetch. `onCrowded`
 * is called once, and again only after the number has halved.
 */
export class WaitingRetries<M extends PulseMessage> {
  /** Each message with its timer, or without a timer while its copy is on the way to the broker. */
  readonly #items = new Map<HandledItem<M>, NodeJS.Timeout | undefined>();
  readonly #onCrowded: (waiting: number) => void;
  #excluded = true;
  #reportedAt = 0;

  constructor(onCrowded: (waiting: number) => void) {
    this.#onCrowded = onCrowded;
  }

  /** Holds a message until it is due or, without `ms`, until it is released. */
  hold(item: HandledItem<M>, ms?: number, due?: () => void): void {
    const timer =
      ms === undefined
        ? undefined
        : setTimeout(() => {
            this.release(item);
            due?.();
          }, ms);
    this.#items.set(item, timer);
    if (this.#excluded) this.#exclude(item);
  }

  release(item: HandledItem<M>): void {
    clearTimeout(this.#items.get(item));
    if (!this.#items.delete(item)) return;
    item.excludeFromPrefetch(false);
    if (2 * this.#items.size <= this.#reportedAt) this.#reportedAt = 0;
  }

  /** Whether these messages are excluded from the prefetch. Otherwise they use it up. */
  set excluded(excluded: boolean) {
    if (this.#excluded === excluded) return;
    this.#excluded = excluded;
    for (const item of this.#items.keys()) {
      if (excluded) this.#exclude(item);
      else item.excludeFromPrefetch(false);
    }
  }

  /** Forgets messages whose channel is lost. */
  forgetLost(): void {
    for (const item of this.#items.keys()) if (item.lost) this.release(item);
  }

  /** Gives back the messages that wait until they are due. A quorum queue counts these attempts. */
  giveBack(): void {
    for (const [item, timer] of this.#items) {
      if (timer === undefined) continue;
      this.release(item);
      DeliveredMessage.giveBackCounted(item.message);
    }
  }

  /** Stops all timers. */
  stop(): void {
    for (const timer of this.#items.values()) clearTimeout(timer);
  }

  #exclude(item: HandledItem<M>): void {
    if (item.excludeFromPrefetch(true) || this.#reportedAt > 0) return;
    this.#reportedAt = this.#items.size;
    this.#onCrowded(this.#reportedAt);
  }
}
