import { extname } from 'node:path';
import mime from 'mime';

/** Types that generic-worker gives, beyond what is registered. */
const OWN_TYPES: Readonly<Record<string, string>> = {
  '.log': 'text/plain',
  '.jsonl': 'application/jsonl',
};

/** Compressed already: gzip would only cost time. The ending counts as it is written, in lower case. */
const COMPRESSED = new Set(
  (
    '7z br aab apk bz2 deb dmg flv gif gz jar jpeg jpg lz lz4 mz npz pkg png swf sz tbz tgz wasm webp whl ' +
    'woff woff2 xpi xz zip zst zz'
  ).split(' '),
);

/** The content type of a file by its name, text with its charset. */
export function contentTypeOf(file: string): string {
  const type = OWN_TYPES[extname(file)] ?? mime.getType(file) ?? 'application/octet-stream';
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type;
}

export function contentEncodingOf(file: string): 'identity' | 'gzip' {
  return COMPRESSED.has(extname(file).slice(1)) ? 'identity' : 'gzip';
}

/**
 * What is wrong with the content type that a payload gives, if anything. It goes up as a header, and the queue takes no
 * more than 255 characters.
 */
export function contentTypeProblem(contentType = ''): string | undefined {
  if (contentType.length > 255) {
    return `its contentType has ${contentType.length} characters, more than 255`;
  }
  return /^[\x20-\x7e]*$/.test(contentType)
    ? undefined
    : `its contentType ${JSON.stringify(contentType)} holds other characters than printable ASCII`;
}
