/** CRC-32C (Castagnoli), as snappy's frames have it. */
const CASTAGNOLI = reflectedTable(0x82f63b78);

function reflectedTable(polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    return value >>> 0;
  });
}

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CASTAGNOLI[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
}

const P1 = 0x9e3779b1;
const P2 = 0x85ebca77;
const P3 = 0xc2b2ae3d;
const P4 = 0x27d4eb2f;
const P5 = 0x165667b1;
const STRIPE_BYTES = 16;

/** xxHash with 32 bits and seed 0, as LZ4's frames have it, of bytes that come in portions. */
export class XxHash32 {
  readonly #lanes = Int32Array.of((P1 + P2) | 0, P2 | 0, 0, -P1 | 0);
  readonly #rest = Buffer.alloc(STRIPE_BYTES);
  #restLength = 0;
  #length = 0;

  update(bytes: Buffer): this {
    this.#length += bytes.length;
    let at = 0;
    if (this.#restLength > 0) {
      at = bytes.copy(this.#rest, this.#restLength, 0, STRIPE_BYTES - this.#restLength);
      this.#restLength += at;
      if (this.#restLength < STRIPE_BYTES) return this;
      this.#stripes(this.#rest, 0, STRIPE_BYTES);
      this.#restLength = 0;
    }
    const end = bytes.length - ((bytes.length - at) % STRIPE_BYTES);
    this.#stripes(bytes, at, end);
    this.#restLength = bytes.copy(this.#rest, 0, end);
    return this;
  }

  #stripes(bytes: Buffer, start: number, end: number): void {
    let [a, b, c, d] = this.#lanes as unknown as [number, number, number, number];
    for (let at = start; at < end; at += STRIPE_BYTES) {
      a = round(a, wordAt(bytes, at));
      b = round(b, wordAt(bytes, at + 4));
      c = round(c, wordAt(bytes, at + 8));
      d = round(d, wordAt(bytes, at + 12));
    }
    this.#lanes.set([a, b, c, d]);
  }

  digest(): number {
    const [a, b, c, d] = this.#lanes as unknown as [number, number, number, number];
    const isLong = this.#length >= STRIPE_BYTES;
    let hash = isLong ? rotated(a, 1) + rotated(b, 7) + rotated(c, 12) + rotated(d, 18) : P5;
    hash = (hash + this.#length) | 0;
    let at = 0;
    for (; at + 4 <= this.#restLength; at += 4) {
      hash = Math.imul(rotated(hash + Math.imul(wordAt(this.#rest, at), P3), 17), P4);
    }
    for (; at < this.#restLength; at++) {
      hash = Math.imul(rotated(hash + Math.imul(this.#rest[at] ?? 0, P5), 11), P1);
    }
    hash = Math.imul(hash ^ (hash >>> 15), P2);
    hash = Math.imul(hash ^ (hash >>> 13), P3);
    return (hash ^ (hash >>> 16)) >>> 0;
  }
}

export function xxHash32(bytes: Buffer): number {
  return new XxHash32().update(bytes).digest();
}

function wordAt(b: Buffer, at: number): number {
  return (b[at] ?? 0) | ((b[at + 1] ?? 0) << 8) | ((b[at + 2] ?? 0) << 16) | ((b[at + 3] ?? 0) << 24);
}

function round(lane: number, word: number): number {
  return Math.imul(rotated(lane + Math.imul(word, P2), 13), P1);
}

function rotated(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
