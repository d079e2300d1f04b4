/** The evidence against a message. */
export interface Suspect {
  /** How many channels were lost while the message was on its way. */
  losses: number;
  /** How many of them were lost while no other message was on its way. */
  lostAlone: number;
}

/**
 * How many messages may be on their way when one that was lost once is sent again. Keeps the number of suspects low.
 */
const FEW = 64;
/** A channel counts as quiet when it has lived for this time, in ms, with no suspect on its way. */
const QUIET_MS = 1_000;
const MAX_LOSSES = 3;

/**
 * Finds a message that makes the broker close the whole connection. The broker may give no reason, and network
 * failures end connections too. So the detector works in steps:
 *
 * 1. Messages that were on their way when a channel was lost are sent again, a few at a time.
 * 2. A message that was lost twice is sent alone. It is acquitted by its confirmation, or if the connection survives
 *    for a second.
 * 3. A message that was lost alone twice is sent once more, after its channel was quiet for a second.
 * 4. If it is lost alone again, it is poisonous. Otherwise, three connections would have ended by chance while this
 *    message alone was on its way.
 *
 * It takes five lost connections to find a poisonous message.
 */
export class PoisonDetector<T extends Suspect> {
  readonly #released: () => void;
  /** The message that is on its way alone. */
  #alone: T | undefined;
  /** Messages that were sent alone and whose connection survived. */
  readonly #cleared = new Set<T>();
  #quiet = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param released called when more messages may be sent although none was answered */
  constructor(released: () => void) {
    this.#released = released;
  }

  /** Whether the next message may be sent now, while the given number of messages is on its way. */
  allows(next: T, underWay: number): boolean {
    if (this.#alone) return false;
    if (next.losses < 2) return next.losses === 0 || underWay < FEW;
    if (underWay > this.#cleared.size) return false;
    if (next.lostAlone < MAX_LOSSES - 1 || this.#quiet) return true;
    // This runs for each posted message, so a running timer is not restarted.
    if (!this.#timer) this.#inQuiet(() => (this.#quiet = true));
    return false;
  }

  sent(message: T): void {
    if (message.losses < 2) return;
    this.#alone = message;
    this.#inQuiet(() => {
      this.#cleared.add(message);
      message.losses = message.lostAlone = 0;
      this.#alone = undefined;
    });
  }

  /** Call this when a message is no longer on its way. */
  done(message: T): void {
    if (this.#cleared.size > 0) this.#cleared.delete(message);
    if (this.#alone !== message) return;
    this.#alone = undefined;
    this.#stopTimer();
  }

  /** Suspects all of these messages. The broker refused one without saying which, so each is sent alone. */
  suspect(messages: readonly T[]): void {
    for (const message of messages) message.losses += 2;
  }

  /**
   * Call this when the channel is lost.
   *
   * @param underWay the messages that were on their way and will be sent again
   * @returns the poisonous message, once it is certain
   */
  lost(underWay: readonly T[]): T | undefined {
    const alone = this.#alone;
    this.reset();
    for (const message of underWay) message.losses++;
    if (!alone || ++alone.lostAlone < MAX_LOSSES) return undefined;
    return alone;
  }

  /** Call this when no message is on its way any more. */
  reset(): void {
    this.#alone = undefined;
    this.#cleared.clear();
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
