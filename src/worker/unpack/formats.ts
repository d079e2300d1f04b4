/** The formats that compress one file, with generic-worker's names. */
export const COMPRESSIONS = ['br', 'bz2', 'gz', 'lz', 'lz4', 'mz', 'sz', 'xz', 'zst', 'zz'] as const;

/** A format that compresses one file. `sz` is framed snappy, `zz` is zlib, `lz` is lzip, `mz` is MinLZ. */
export type Compression = (typeof COMPRESSIONS)[number];

/** A format that contains many files. */
export type ArchiveFormat = '7z' | 'rar' | 'tar' | `tar.${Compression}` | 'zip';

/** The formats that contain many files, with generic-worker's names. */
export const ARCHIVE_FORMATS: readonly ArchiveFormat[] = [
  '7z',
  'rar',
  'tar',
  ...COMPRESSIONS.map(compression => `tar.${compression}` as const),
  'zip',
];

/** Returns the compression of a tar archive. Undefined for an uncompressed one and for other archives. */
export function compressionOf(format: ArchiveFormat): Compression | undefined {
  return COMPRESSIONS.find(compression => format === `tar.${compression}`);
}
