import { corrupt } from '../decoders/damage.ts';

export const BLOCK_BYTES = 512;

/** The fields of an entry's header, a block of 512 bytes. */
export interface TarHeader {
  /** One character. */
  readonly type: string;
  /** Names and targets of links are bytes, with one character for each (latin1). */
  readonly name: string;
  readonly target: string;
  readonly mode: number;
  readonly mtime: number;
  /** Bytes in the archive. */
  readonly size: number;
}

/** Whether a block contains only zeros. Two of these end an archive. */
export function isZeroBlock(block: Buffer): boolean {
  return block[0] === 0 && block.every(byte => byte === 0);
}

/**
 * Reads the header of an entry: ustar, GNU's, or the form before both.
 *
 * @throws UnpackFault if its checksum or a number in it is wrong
 */
export function readHeader(block: Buffer): TarHeader {
  checkSum(block);
  const magic = block.toString('latin1', 257, 263);
  // GNU has other fields where ustar has the first part of a long name.
  const prefix = magic === 'ustar\0' ? textAt(block, 345, 155) : '';
  const name = textAt(block, 0, 100);
  return {
    type: String.fromCharCode(block[156] ?? 0),
    name: prefix === '' ? name : `${prefix}/${name}`,
    target: textAt(block, 157, 100),
    mode: numberAt(block, 100, 8) ?? 0o644,
    mtime: numberAt(block, 136, 12) ?? 0,
    size: sizeAt(block, 124, 12),
  };
}

/** Compares the sum of the bytes, with spaces in place of the sum itself. Old programs used signed bytes. */
function checkSum(block: Buffer): void {
  const wanted = numberAt(block, 148, 8);
  let unsigned = 8 * 32;
  let signed = 8 * 32;
  for (let at = 0; at < BLOCK_BYTES; at++) {
    if (at >= 148 && at < 156) continue;
    const byte = block[at] ?? 0;
    unsigned += byte;
    signed += byte < 128 ? byte : byte - 256;
  }
  if (wanted !== unsigned && wanted !== signed) throw corrupt('tar', 'the checksum of a header is wrong');
}

/** A size in bytes. */
export function sizeAt(block: Buffer, start: number, length: number): number {
  const size = numberAt(block, start, length) ?? 0;
  if (!Number.isSafeInteger(size) || size < 0) throw corrupt('tar', 'the size of an entry is impossible');
  return size;
}

/**
 * Reads a number in octal digits or, if it is too large for them, in binary after a marked byte. Undefined if
 * there is none.
 */
function numberAt(block: Buffer, start: number, length: number): number | undefined {
  const first = block[start] ?? 0;
  if ((first & 0x80) !== 0) {
    // The second highest bit is the sign.
    let value = (first & 0x40) !== 0 ? first - 256 : first & 0x3f;
    for (let at = start + 1; at < start + length; at++) value = value * 256 + (block[at] ?? 0);
    return value;
  }
  const text = textAt(block, start, length).trim();
  if (text === '') return undefined;
  if (!/^[0-7]+$/.test(text)) throw corrupt('tar', 'a number in a header is invalid');
  return Number.parseInt(text, 8);
}

function textAt(block: Buffer, start: number, length: number): string {
  const text = block.toString('latin1', start, start + length);
  const end = text.indexOf('\0');
  return end === -1 ? text : text.slice(0, end);
}
