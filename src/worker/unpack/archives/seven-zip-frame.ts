import { readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { corrupt, truncated } from '../decoders/damage.ts';

const SIGNATURE = Buffer.from([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]);
const HEADER_BYTES = 32;

/**
 * Checks that a 7z archive is complete: its first bytes say where its table of contents is, which is at its
 * end.
 *
 * @param size of the file
 * @see https://py7zr.readthedocs.io/en/latest/archive_format.html
 */
export function assertSevenZipComplete(descriptor: number, size: number): void {
  const header = Buffer.alloc(HEADER_BYTES);
  const length = readSync(descriptor, header, 0, HEADER_BYTES, 0);
  if (!header.subarray(0, 6).equals(SIGNATURE)) {
    throw length === 0 ? truncated('7z') : corrupt('7z', 'it does not begin like such archives');
  }
  if (length < HEADER_BYTES) throw truncated('7z');
  if (crc32(header.subarray(12)) !== header.readUInt32LE(8)) throw corrupt('7z', 'a checksum is wrong');
  const end = BigInt(HEADER_BYTES) + header.readBigUInt64LE(12) + header.readBigUInt64LE(20);
  if (end > BigInt(size)) throw truncated('7z');
}
