/** The last bytes of a stream, in a fixed amount of memory. */
export interface Tail {
  push(piece: Buffer): void;
  /** How many bytes were pushed in all. */
  readonly passed: number;
  /** Copies the last bytes, oldest first. */
  copy(): Buffer;
}

/** @param size how many bytes are kept */
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
    copy: () => {
      if (passed <= size) return Buffer.from(ring.subarray(0, passed));
      const oldest = passed % size;
      return Buffer.concat([ring.subarray(oldest), ring.subarray(0, oldest)]);
    },
  };
}
