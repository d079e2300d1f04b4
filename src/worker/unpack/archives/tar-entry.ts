import { corrupt } from '../decoders/damage.ts';
import type { NewFile } from '../tree/new-file.ts';
import type { TreeWriter } from '../tree/tree-writer.ts';
import type { PaxRecords } from './pax.ts';
import { BLOCK_BYTES, type TarHeader } from './tar-header.ts';
import { ListedSparseMap, OldSparseMap, readDigits, sparseMap, type SparseMap } from './sparse.ts';

/** Everything that an archive says about an entry. */
export interface EntryFacts extends TarHeader {
  readonly pax: PaxRecords | undefined;
}

/** The destination of an entry's content. */
export interface Body {
  write(bytes: Buffer): void;
  finish(): void;
  /** Whether blocks come first that do not count as content. */
  readonly isExtended?: boolean;
  extend?(block: Buffer): void;
}

/** Types of entries that cannot be created, and their names. */
const SPECIAL: Readonly<Record<string, string>> = {
  '3': 'a device',
  '4': 'a device',
  '6': 'a pipe',
};

/**
 * Creates an entry, or starts to.
 *
 * @param block the entry's header
 * @returns the number of content bytes that follow in the archive, and their destination; undefined for none
 */
export function tarBody(
  writer: TreeWriter,
  facts: EntryFacts,
  block: Buffer,
): { readonly body: Body | undefined; readonly size: number } {
  const { type, name, target, size } = facts;
  const nothing = { body: undefined, size: 0 };
  switch (type) {
    case '\0':
    case '0':
    case '7':
      // The form before ustar had no type for folders, and some programs still do not write one.
      if (type === '7' || !name.endsWith('/')) return { body: fileBody(writer, facts), size };
      writer.folder(name, facts);
      return nothing;
    case 'S':
      return { body: oldSparseBody(writer, facts, block), size };
    case '1':
      writer.hardLink(name, target);
      return nothing;
    case '2':
      writer.symlink(name, target);
      return nothing;
    case '5':
      writer.folder(name, facts);
      return nothing;
    // GNU's folders of incremental archives list their former contents.
    case 'D':
      writer.folder(name, facts);
      return { body: undefined, size };
    default: {
      const what = SPECIAL[type];
      writer.skip(name, `it is ${what ?? `an entry of the unknown type ${JSON.stringify(type)}`}`);
      return { body: undefined, size: what === undefined ? size : 0 };
    }
  }
}

function fileBody(writer: TreeWriter, facts: EntryFacts): Body {
  const values = facts.pax?.values;
  const major = values?.get('GNU.sparse.major');
  if (major !== undefined && major !== '0') return listedSparseBody(writer, facts);
  const size = values?.get('GNU.sparse.size');
  if (size !== undefined) {
    const listed = values?.get('GNU.sparse.map');
    const texts = listed === undefined ? (facts.pax?.sparsePairs ?? []) : listed.split(',');
    const map = sparseMap(texts.map(readDigits), readDigits(size), facts.size);
    return sparseBody(writer, writer.file(facts.name, facts), map);
  }
  const file = writer.file(facts.name, facts);
  return {
    write: bytes => {
      file.write(bytes);
    },
    finish: () => {
      writer.finish();
    },
  };
}

function sparseBody(writer: TreeWriter, file: NewFile, { segments, size }: SparseMap): Body {
  let index = 0;
  let done = 0;
  return {
    write: bytes => {
      for (let at = 0; at < bytes.length;) {
        const segment = segments[index];
        if (segment === undefined) throw corrupt('tar', 'a sparse file has more content than parts');
        const count = Math.min(segment.length - done, bytes.length - at);
        if (count > 0) {
          file.seek(segment.offset + done);
          file.write(bytes.subarray(at, at + count));
        }
        at += count;
        done += count;
        if (done < segment.length) continue;
        index++;
        done = 0;
      }
    },
    finish: () => {
      file.setLength(size);
      writer.finish();
    },
  };
}

/** The map is in blocks between the header and the content. */
function oldSparseBody(writer: TreeWriter, facts: EntryFacts, header: Buffer): Body {
  const map = new OldSparseMap(header);
  const open = () => sparseBody(writer, writer.file(facts.name, facts), map.finish(facts.size));
  if (!OldSparseMap.hasMore(header)) return open();
  let body: Body | undefined;
  return {
    get isExtended() {
      return body === undefined;
    },
    extend: block => {
      if (!map.addBlock(block)) body = open();
    },
    write: bytes => body?.write(bytes),
    finish: () => body?.finish(),
  };
}

/** The map is the first part of the content. */
function listedSparseBody(writer: TreeWriter, facts: EntryFacts): Body {
  const realSize = readDigits(facts.pax?.values.get('GNU.sparse.realsize') ?? '');
  const map = new ListedSparseMap();
  const block = Buffer.alloc(BLOCK_BYTES);
  let length = 0;
  let body: Body | undefined;
  return {
    write: bytes => {
      let at = 0;
      while (body === undefined && at < bytes.length) {
        const count = bytes.copy(block, length, at);
        at += count;
        length += count;
        if (length < BLOCK_BYTES) return;
        length = 0;
        if (map.addBlock(block)) {
          body = sparseBody(writer, writer.file(facts.name, facts), map.finish(realSize, facts.size));
        }
      }
      if (at < bytes.length) body?.write(bytes.subarray(at));
    },
    finish: () => {
      if (body === undefined) throw corrupt('tar', 'the map of a sparse file has no end');
      body.finish();
    },
  };
}
