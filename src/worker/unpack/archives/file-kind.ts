/** The kind of an entry. Kinds that are not unpacked are given by their names. */
export type FileKind = 'file' | 'folder' | 'link' | 'a device' | 'a pipe' | 'a socket' | 'of an unknown kind';

const KINDS: Readonly<Record<number, FileKind>> = {
  0: 'file',
  0o010000: 'a pipe',
  0o020000: 'a device',
  0o040000: 'folder',
  0o060000: 'a device',
  0o100000: 'file',
  0o120000: 'link',
  0o140000: 'a socket',
};

/** Returns the kind of file that a Unix mode stands for. A mode without a kind counts as a file's. */
export function kindOf(mode: number): FileKind {
  return KINDS[mode & 0o170000] ?? 'of an unknown kind';
}
