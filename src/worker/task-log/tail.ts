/** Keeps the last bytes of a stream, in a fixed amount of memory. */
export interface Tail {
  push(piece: Buffer): void;
  /** Total number of bytes, including forgotten ones. */
  readonly passed: number;
  /**
   * Returns the last bytes, oldest first, in the tail's own memory. After this, nothing may be pushed into a
   * full tail.
   */
  take(): Buffer;
  /** Returns the same bytes as a copy. */
  copy(): Buffer;
}

/** @param size number of bytes to keep */
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
      // Reversing both parts, and then the whole, exchanges the parts.
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
