/**
 * Returns how many bytes of a chunk can be shown before the next chunk arrives: all except an incomplete character at
 * its end. Bytes that are not UTF-8 are not held back.
 */
export function completeLength(chunk: Buffer): number {
  const { length } = chunk;
  for (let back = 1; back <= Math.min(3, length); back++) {
    const byte = chunk[length - back] ?? 0;
    // The bytes of a character after its first byte are 10xxxxxx.
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 && byte <= 0xf4 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
    return byte < 0xf5 && needed > back ? length - back : length;
  }
  return length;
}
