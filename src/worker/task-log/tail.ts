/** The last bytes of what went by, in a fixed amount of memory. */
export interface Tail {
  push(piece: Buffer): void;
  /** How many bytes went by, those that were forgotten included. */
  readonly passed: number;
  /** The last bytes, oldest first, in the memory of the tail itself: once it was full, nothing may be pushed afterwards. */
  take(): Buffer;
  /** The same in memory of its own. */
  copy(): Buffer;
}

/** @param size how many bytes are remembered */
export function tailOf(size: number): Tail {
  const ring = Buffer.allocUnsafe(size);
  let passed = 0;
  return {
    push: piece => {
      passed += piece.length;
      const kept = piece.subarray(Math.max(0, piece.length - size));
      const at = (passed - kept.length) % size;
      const fitting = kept.copy(ring, at);
      kept.copy(ring, 0, fitting);
    },
    get passed() {
      return passed;
    },
    take: () => {
      if (passed <= size) return ring.subarray(0, passed);
      // Both parts reversed, and then all of it: they have changed places.
      const oldest = passed % size;
      ring.subarray(0, oldest).reverse();
      ring.subarray(oldest).reverse();
      return ring.reverse();
    },
    copy: () => {
      if (passed <= size) return Buffer.from(ring.subarray(0, passed));
      const oldest = passed % size;
      return Buffer.concat([ring.subarray(oldest), ring.subarray(0, oldest)]);
    },
  };
}
