import { extname } from 'node:path';
import mime from 'mime';

/** Types that generic-worker adds to the registered ones. */
const OWN_TYPES: Readonly<Record<string, string>> = {
  '.log': 'text/plain',
  '.jsonl': 'application/jsonl',
};

/** Extensions of files that are already compressed, so gzip would only cost time. Compared in lower case. */
const COMPRESSED = new Set(
  (
    '7z br aab apk bz2 deb dmg flv gif gz jar jpeg jpg lz lz4 mz npz pkg png swf sz tbz tgz wasm webp whl ' +
    'woff woff2 xpi xz zip zst zz'
  ).split(' '),
);

/** Returns the content type of a file by its extension. Text types have a charset. */
export function contentTypeOf(file: string): string {
  const type = OWN_TYPES[extname(file)] ?? mime.getType(file) ?? 'application/octet-stream';
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type;
}

export function contentEncodingOf(file: string): 'identity' | 'gzip' {
  return COMPRESSED.has(extname(file).slice(1)) ? 'identity' : 'gzip';
}

/**
 * Returns the problem with a payload's content type, or undefined. It is sent as a header, and the queue
 * accepts at most 255 characters.
 */
export function contentTypeProblem(contentType = ''): string | undefined {
  if (contentType.length > 255) {
    return `its contentType has ${contentType.length} characters, more than 255`;
  }
  return /^[\x20-\x7e]*$/.test(contentType)
    ? undefined
    : `its contentType ${JSON.stringify(contentType)} contains characters other than printable ASCII`;
}
