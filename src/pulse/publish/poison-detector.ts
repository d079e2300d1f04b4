/** What is held against a message. */
export interface Suspect {
  /** How many channels were lost while it was under way. */
  losses: number;
  /** How many of them it was lost with alone. */
  lostAlone: number;
}

/** How many may be under way that were lost once: few, so that few are suspected when they are lost again. */
const FEW = 64;
/** A channel is quiet when it has lived for so long with nothing suspected under way, in ms. */
const QUIET_MS = 1_000;
const GUILTY = 3;

/**
 * Finds the message whose arrival ends the whole connection. The broker may say nothing, and broken networks end connections
 * too:
 *
 * 1. What was under way when a channel was lost goes again, a few at a time.
 * 2. What was lost twice goes alone. Its confirmation acquits it, and so does a second in which the connection lives.
 * 3. What was lost alone twice goes once more, after its channel was quiet for a second.
 * 4. What is lost then too is guilty: three connections would have had to end by chance while it alone was under way.
 *
 * A guilty message costs five connections.
 */
export class PoisonDetector<T extends Suspect> {
  readonly #released: () => void;
  /** The one that is under way alone. */
  #alone: T | undefined;
  /** Those that went alone and have not ended their connection. */
  readonly #acquitted = new Set<T>();
  #quiet = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param released called when more may go, though nothing was answered */
  constructor(released: () => void) {
    this.#released = released;
  }

  /** Whether the next message may go now, beside so many that are under way. */
  allows(next: T, underWay: number): boolean {
    if (this.#alone) return false;
    if (next.losses < 2) return next.losses === 0 || underWay < FEW;
    if (underWay > this.#acquitted.size) return false;
    if (next.lostAlone < GUILTY - 1 || this.#quiet) return true;
    // Asked at each post: the second that has begun goes on.
    if (!this.#timer) this.#inQuiet(() => (this.#quiet = true));
    return false;
  }

  sent(message: T): void {
    if (message.losses < 2) return;
    this.#alone = message;
    this.#inQuiet(() => {
      this.#acquitted.add(message);
      message.losses = message.lostAlone = 0;
      this.#alone = undefined;
    });
  }

  /** A message is under way no more, or nobody waits for it any more. */
  done(message: T): void {
    if (this.#acquitted.size > 0) this.#acquitted.delete(message);
    if (this.#alone !== message) return;
    this.#alone = undefined;
    this.#stopTimer();
  }

  /** The channel was refused one of these, and the broker does not say which: each goes alone. */
  suspect(messages: readonly T[]): void {
    for (const message of messages) message.losses += 2;
  }

  /**
   * The channel has gone.
   *
   * @param underWay what was under way, and is to be sent again
   * @returns the guilty one, once that is sure
   */
  lost(underWay: readonly T[]): T | undefined {
    const alone = this.#alone;
    this.reset();
    for (const message of underWay) message.losses++;
    if (!alone || ++alone.lostAlone < GUILTY) return undefined;
    return alone;
  }

  /** Nothing is under way any more. */
  reset(): void {
    this.#alone = undefined;
    this.#acquitted.clear();
    this.#quiet = false;
    this.#stopTimer();
  }

  #inQuiet(action: () => void): void {
    this.#stopTimer();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      action();
      this.#released();
    }, QUIET_MS);
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
