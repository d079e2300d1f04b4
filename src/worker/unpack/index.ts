/** Decompresses single files, and unpacks untrusted archives. */
export { decompressed } from './decompressed.ts';
export { ARCHIVE_FORMATS, COMPRESSIONS, type ArchiveFormat, type Compression } from './formats.ts';
export { unpackInto, type Progress, type Unpacked } from './unpack-into.ts';
export { UnpackError } from './unpack-error.ts';
