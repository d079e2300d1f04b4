/** The formats that compress one file, by generic-worker's names for them. */
export const COMPRESSIONS = ['br', 'bz2', 'gz', 'lz', 'lz4', 'mz', 'sz', 'xz', 'zst', 'zz'] as const;

/** A format that compresses one file. `sz` is framed snappy, `zz` is zlib, `lz` is lzip, `mz` is MinLZ. */
export type Compression = (typeof COMPRESSIONS)[number];

/** A format that holds many files. */
export type ArchiveFormat = '7z' | 'rar' | 'tar' | `tar.${Compression}` | 'zip';

/** The formats that hold many files, by generic-worker's names for them. */
export const ARCHIVE_FORMATS: readonly ArchiveFormat[] = [
  '7z',
  'rar',
  'tar',
  ...COMPRESSIONS.map(compression => `tar.${compression}` as const),
  'zip',
];

/** How a tar archive is compressed; undefined if it is not, or is no tar archive. */
export function compressionOf(format: ArchiveFormat): Compression | undefined {
  return COMPRESSIONS.find(compression => format === `tar.${compression}`);
}
