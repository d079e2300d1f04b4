import type { Delivery } from '../transport/transport.ts';

/** How long a message is held before it is given back, in ms. */
const PAUSE_MS = 1_000;

/** Gives messages back after a delay. Without it, a message would be redelivered thousands of times per second. */
export class RequeueLater {
  readonly #giveBack: (delivery: Delivery) => void;
  readonly #held = new Map<Delivery, NodeJS.Timeout>();

  constructor(giveBack: (delivery: Delivery) => void) {
    this.#giveBack = giveBack;
  }

  add(delivery: Delivery): void {
    const timer = setTimeout(() => {
      this.#held.delete(delivery);
      this.#giveBack(delivery);
    }, PAUSE_MS);
    this.#held.set(delivery, timer);
  }

  /** Gives everything back now. */
  flush(): void {
    for (const delivery of this.#held.keys()) this.#giveBack(delivery);
    this.forget();
  }

  /** Forgets all messages, because the broker already has them back. */
  forget(): void {
    for (const timer of this.#held.values()) clearTimeout(timer);
    this.#held.clear();
  }
}
