import type { HandledItem } from './handled-item.ts';
import { DeliveredMessage, type PulseMessage } from '../consume/message.ts';

/**
 * Messages that wait for another try: held, and outside of the prefetch, so that others can come meanwhile. Beyond what
 * may be held that way they take places of it, which is told once until half of them have gone.
 */
export class Parked<M extends PulseMessage> {
  /** Each with its timer, or with none while its copy is on its way to the broker. */
  readonly #items = new Map<HandledItem<M>, NodeJS.Timeout | undefined>();
  readonly #onCrowded: (waiting: number) => void;
  #outside = true;
  #crowdedAt = 0;

  constructor(onCrowded: (waiting: number) => void) {
    this.#onCrowded = onCrowded;
  }

  /** Holds a message until it is due, or without `ms` until it is let go. */
  hold(item: HandledItem<M>, ms?: number, due?: () => void): void {
    const timer =
      ms === undefined
        ? undefined
        : setTimeout(() => {
            this.letGo(item);
            due?.();
          }, ms);
    this.#items.set(item, timer);
    if (this.#outside) this.#park(item);
  }

  letGo(item: HandledItem<M>): void {
    clearTimeout(this.#items.get(item));
    if (!this.#items.delete(item)) return;
    item.park(false);
    if (2 * this.#items.size <= this.#crowdedAt) this.#crowdedAt = 0;
  }

  /** Whether they wait outside of the prefetch, or take places of it. */
  set outside(outside: boolean) {
    if (this.#outside === outside) return;
    this.#outside = outside;
    for (const item of this.#items.keys()) {
      if (outside) this.#park(item);
      else item.park(false);
    }
  }

  /** Forgets those whose channel has gone. */
  forgetLost(): void {
    for (const item of this.#items.keys()) if (item.lost) this.letGo(item);
  }

  /** Gives back those that wait for their time. A queue that counts counts them. */
  giveBack(): void {
    for (const [item, timer] of this.#items) {
      if (timer === undefined) continue;
      this.letGo(item);
      DeliveredMessage.giveBackCounted(item.message);
    }
  }

  /** Nobody waits for them any more. */
  stop(): void {
    for (const timer of this.#items.values()) clearTimeout(timer);
  }

  #park(item: HandledItem<M>): void {
    if (item.park(true) || this.#crowdedAt > 0) return;
    this.#crowdedAt = this.#items.size;
    this.#onCrowded(this.#crowdedAt);
  }
}
