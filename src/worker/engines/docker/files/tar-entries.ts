import { TarBlocks, type Entry } from '../tar-blocks.ts';

/** Something in an archive. */
export interface TarEntry extends Entry {
  /** Its content, once, before the next entry is asked for. What is not read is passed over. */
  content(): AsyncGenerator<Buffer, void, undefined>;
}

/** The longest extended header that is taken, in bytes. Names in it cannot be longer than a page or two. */
const MOST_EXTENDED_BYTES = 1024 * 1024;

/**
 * Reads the entries of a tar archive as it comes, holding no more than a chunk. The archive is left when its reader leaves.
 *
 * @throws UnpackFault when it is damaged, or ends too early
 */
export async function* tarEntries(archive: AsyncIterable<Buffer>): AsyncGenerator<TarEntry, void, undefined> {
  const pieces = archive[Symbol.asyncIterator]();
  try {
    const blocks = new TarBlocks({ [Symbol.asyncIterator]: () => pieces }, MOST_EXTENDED_BYTES);
    for (let entry = await blocks.next(); entry; entry = await blocks.next()) {
      const content = blocks.content(hasContent(entry) ? entry.size : 0);
      yield { ...entry, content: () => withoutPadding(content, entry.size) };
      for await (const _rest of content);
    }
  } finally {
    await pieces.return?.();
  }
}

/** Whether an entry is a file, with its content. */
export function isFile({ type }: Pick<TarEntry, 'type'>): boolean {
  return type === '0' || type === '\0';
}

/** What a link points to is in its header, whatever size that says. */
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
