import { createHash } from 'node:crypto';

/** Common file systems allow file names of up to 255 bytes. This limit leaves room for a temporary name. */
const LONGEST = 200;

/**
 * Gives each artifact a path below a folder. The task chooses its artifact names. Anything in a name that would lead
 * out of the folder, or that a file name cannot contain, is percent-encoded. Different names get different paths.
 *
 * @returns the parts of the path for each name
 */
export function artifactPaths(names: readonly string[]): Map<string, string[]> {
  const folders = new Set(names.flatMap(foldersOf));
  return new Map(
    names.map(name => {
      const parts = name.split('/').map(safePart);
      // A file and a folder cannot share a name.
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

/** Encodes one part of a path, so that it cannot lead out of its folder. */
export function safePart(part: string): string {
  if (part === '') return '%';
  const encoded = /^\.{1,2}$/.test(part) ? part.replaceAll('.', '%2E') : encodeControls(part);
  if (Buffer.byteLength(encoded) <= LONGEST) return encoded;
  const digest = createHash('sha256').update(part).digest('hex').slice(0, 16);
  return `${cut(encoded, LONGEST - digest.length - 1)}%${digest}`;
}

/**
 * Characters to encode: terminal control characters, path separators of any system, marks that change the text
 * direction, and `%`, which starts an escape.
 */
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
