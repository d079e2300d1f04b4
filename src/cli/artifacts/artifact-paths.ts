import { createHash } from 'node:crypto';

/** The longest name of a file on common file systems is 255 bytes; some room is left for a temporary name. */
const LONGEST = 200;

/**
 * Gives each artifact a path below a folder. An artifact's name is text that a task has chosen: whatever would lead out of the
 * folder, or cannot be part of a file's name, is percent-encoded. Different names get different paths.
 *
 * @returns for each name the parts of its path
 */
export function artifactPaths(names: readonly string[]): Map<string, string[]> {
  const folders = new Set(names.flatMap(foldersOf));
  return new Map(
    names.map(name => {
      const parts = name.split('/').map(safePart);
      // A file system cannot have a file and a folder of one name.
      if (folders.has(name)) parts.push(`${parts.pop() ?? ''}%file`);
      return [name, parts];
    }),
  );
}

/** `a/b/c` lies in `a/b` and `a`. */
function foldersOf(name: string): string[] {
  const parts = name.split('/');
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'));
}

/** One part of a path, which stays where it is put. */
export function safePart(part: string): string {
  if (part === '') return '%';
  const encoded = /^\.{1,2}$/.test(part) ? part.replaceAll('.', '%2E') : encodeControls(part);
  if (Buffer.byteLength(encoded) <= LONGEST) return encoded;
  const digest = createHash('sha256').update(part).digest('hex').slice(0, 16);
  return `${cut(encoded, LONGEST - digest.length - 1)}%${digest}`;
}

/** What commands a terminal, separates folders on some system, turns text around, or is the mark of an encoding itself. */
// eslint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u001f%:\\\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

function encodeControls(part: string): string {
  return part.toWellFormed().replaceAll(UNSAFE, encodeURIComponent);
}

function cut(text: string, bytes: number): string {
  let end = text.length;
  while (Buffer.byteLength(text.slice(0, end)) > bytes) end--;
  return text.slice(0, end).toWellFormed();
}
