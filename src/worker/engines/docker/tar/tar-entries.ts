import { TarBlocks, type Entry } from './tar-blocks.ts';

/** An entry of an archive. */
export interface TarEntry extends Entry {
  /** The content. It can be read once, before the next entry is requested. Unread content is skipped. */
  content(): AsyncGenerator<Buffer, void, undefined>;
}

/** The longest accepted extended header, in bytes: names in it fit on a page or two. */
const MAX_EXTENDED_BYTES = 1024 * 1024;

/**
 * Reads the entries of a tar stream, holding no more than one chunk. It stops when the consumer does.
 *
 * @throws UnpackFault when the archive is damaged or truncated
 */
export async function* tarEntries(archive: AsyncIterable<Buffer>): AsyncGenerator<TarEntry, void, undefined> {
  const pieces = archive[Symbol.asyncIterator]();
  try {
    const blocks = new TarBlocks({ [Symbol.asyncIterator]: () => pieces }, MAX_EXTENDED_BYTES);
    for (let entry = await blocks.next(); entry; entry = await blocks.next()) {
      const content = blocks.content(hasContent(entry) ? entry.size : 0);
      yield { ...entry, content: () => withoutPadding(content, entry.size) };
      for await (const _rest of content);
    }
  } finally {
    await pieces.return?.();
  }
}

/** Whether an entry is a regular file. */
export function isFile({ type }: Pick<TarEntry, 'type'>): boolean {
  return type === '0' || type === '\0';
}

/** A link's target is in its header, whatever size the header has. */
function hasContent({ type }: Entry): boolean {
  return !'123456'.includes(type);
}

async function* withoutPadding(
  content: AsyncIterator<Buffer, void>,
  size: number,
): AsyncGenerator<Buffer, void, undefined> {
  for (let left = size; left > 0;) {
    const { value, done } = await content.next();
    if (done) return;
    yield value.subarray(0, left);
    left -= value.length;
  }
}
