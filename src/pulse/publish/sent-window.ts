/** An entry of a {@link SentWindow}. */
export interface Sent {
  readonly bytes: number;
  /** Its slot in the window, or -1 if it is in no window. */
  slot: number;
}

/**
 * The sent but unconfirmed messages, in the order of sending. Their number and their bytes are limited.
 *
 * It is a ring of slots instead of a `Set`. A set with tens of thousands of insertions and deletions per second
 * becomes a chain of internal tables, each of which keeps the next one alive. Once one of them is in the garbage
 * collector's old generation, all messages stay in memory until the next full collection, and publishing a message
 * costs 50% more.
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
   * Whether there is room for a message of this size. There is none while the oldest message still occupies the next
   * slot. A message of any size fits into an empty window.
   */
  fits(bytes: number): boolean {
    if (this.#slots[this.#next] !== undefined) return false;
    return this.#size === 0 || this.#bytes + bytes <= this.#maxBytes;
  }

  /** Adds a message, which must fit. */
  add(sent: T): void {
    sent.slot = this.#next;
    this.#slots[this.#next] = sent;
    this.#next = (this.#next + 1) % this.#slots.length;
    this.#size++;
    this.#bytes += sent.bytes;
  }

  /** Removes a message. Returns whether it was in the window. */
  delete(sent: T): boolean {
    if (sent.slot < 0) return false;
    this.#slots[sent.slot] = undefined;
    sent.slot = -1;
    this.#size--;
    this.#bytes -= sent.bytes;
    return true;
  }

  /** Returns all messages, the oldest first. */
  inOrder(): T[] {
    const { length } = this.#slots;
    const all: T[] = [];
    for (let age = 0; age < length; age++) {
      const sent = this.#slots[(this.#next + age) % length];
      if (sent !== undefined) all.push(sent);
    }
    return all;
  }

  /** Like {@link inOrder}, but also removes all messages. */
  takeAll(): T[] {
    const all = this.inOrder();
    for (const sent of all) this.delete(sent);
    return all;
  }
}
