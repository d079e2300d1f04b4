/** What is in a {@link SentWindow}. */
export interface Sent {
  readonly bytes: number;
  /** Where it is in the window; -1 while it is in none. */
  slot: number;
}

/**
 * What was sent and not confirmed yet, in the order in which it was sent: so many messages and bytes at most.
 *
 * A ring of slots, not a `Set`: a set that takes and gives up tens of thousands a second is a chain of tables, of which
 * each keeps the next alive. Once the garbage collector has taken one of them for old, it keeps every message until it looks
 * at all that is old, and a message costs half as much again.
 */
export class SentWindow<T extends Sent> {
  readonly #slots: (T | undefined)[];
  readonly #maxBytes: number;
  #next = 0;
  #size = 0;
  #bytes = 0;

  constructor(size: number, maxBytes: number) {
    this.#slots = new Array<T | undefined>(size).fill(undefined);
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Whether there is room for one more of so many bytes. There is none while the oldest is what holds up the ring. The
   * first is never too large.
   */
  fits(bytes: number): boolean {
    if (this.#slots[this.#next] !== undefined) return false;
    return this.#size === 0 || this.#bytes + bytes <= this.#maxBytes;
  }

  /** Takes one more, which has to fit. */
  add(sent: T): void {
    sent.slot = this.#next;
    this.#slots[this.#next] = sent;
    this.#next = (this.#next + 1) % this.#slots.length;
    this.#size++;
    this.#bytes += sent.bytes;
  }

  /** Whether it was there. */
  delete(sent: T): boolean {
    if (sent.slot < 0) return false;
    this.#slots[sent.slot] = undefined;
    sent.slot = -1;
    this.#size--;
    this.#bytes -= sent.bytes;
    return true;
  }

  /** All of them, the oldest first. */
  inOrder(): T[] {
    const { length } = this.#slots;
    const all: T[] = [];
    for (let age = 0; age < length; age++) {
      const sent = this.#slots[(this.#next + age) % length];
      if (sent !== undefined) all.push(sent);
    }
    return all;
  }

  /** As {@link inOrder}, and none of them is in it any more. */
  takeAll(): T[] {
    const all = this.inOrder();
    for (const sent of all) this.delete(sent);
    return all;
  }
}
