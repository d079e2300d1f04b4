import { corrupt, truncated } from '../decoders/damage.ts';
import { UnpackFault } from '../unpack-fault.ts';
import type { TreeWriter } from '../tree/tree-writer.ts';
import { readPax, type PaxRecords } from './pax.ts';
import { tarBody, type Body, type EntryFacts } from './tar-entry.ts';
import { BLOCK_BYTES, isZeroBlock, readHeader, type TarHeader } from './tar-header.ts';
import { readDigits } from './sparse.ts';

/** The longest accepted extended header. Longer names are useless. */
const MAX_EXTENDED_BYTES = 1024 * 1024;

const PAX = 'x';
const GLOBAL_PAX = 'g';
const LONG_NAME = 'L';
const LONG_TARGET = 'K';
const VOLUME_LABEL = 'V';
const CONTINUED = 'M';

/**
 * Reads a tar archive in chunks, and writes everything in it at once.
 *
 * Why not a library: libraries create a stream for each entry, which costs several turns of the event loop for
 * each small file, and do not handle unsafe entries, sparse files and limits.
 *
 * @see https://www.gnu.org/software/tar/manual/html_node/Standard.html
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
 */
export class TarParser {
  readonly #writer: TreeWriter;
  /** The beginning of an incomplete block. */
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  #blockLength = 0;
  #body: Body | undefined;
  /** Remaining bytes of the body, and bytes from there to the next block. */
  #left = 0;
  #padding = 0;
  #pax: PaxRecords | undefined;
  #longName: string | undefined;
  #longTarget: string | undefined;
  #isAtEnd = false;

  constructor(writer: TreeWriter) {
    this.#writer = writer;
  }

  /** Whether the archive's end mark has come. What follows does not belong to the archive. */
  get isAtEnd(): boolean {
    return this.#isAtEnd;
  }

  /** @throws UnpackFault, or an error of the system */
  feed(chunk: Buffer): void {
    for (let at = 0; at < chunk.length && !this.#isAtEnd;) {
      const rest = chunk.length - at;
      const isBody = this.#body?.isExtended !== true;
      if (isBody && this.#left > 0) {
        const count = Math.min(this.#left, rest);
        this.#body?.write(chunk.subarray(at, at + count));
        at += count;
        this.#left -= count;
        if (this.#left === 0) this.#finishBody();
      } else if (isBody && this.#padding > 0) {
        const count = Math.min(this.#padding, rest);
        at += count;
        this.#padding -= count;
      } else if (this.#blockLength === 0 && rest >= BLOCK_BYTES) {
        this.#takeBlock(chunk.subarray(at, at + BLOCK_BYTES));
        at += BLOCK_BYTES;
      } else {
        const count = chunk.copy(this.#block, this.#blockLength, at);
        at += count;
        this.#blockLength += count;
        if (this.#blockLength === BLOCK_BYTES) {
          this.#blockLength = 0;
          this.#takeBlock(this.#block);
        }
      }
    }
  }

  /** @throws UnpackFault if the archive cannot end here */
  end(): void {
    if (!this.#isAtEnd) throw truncated('tar');
  }

  #takeBlock(block: Buffer): void {
    if (this.#body?.isExtended === true) {
      this.#body.extend?.(block);
      this.#startBody();
      return;
    }
    if (isZeroBlock(block)) {
      this.#isAtEnd = true;
      return;
    }
    const header = readHeader(block);
    if ([PAX, GLOBAL_PAX, LONG_NAME, LONG_TARGET].includes(header.type)) {
      this.#expect(this.#extendedHeader(header), header.size);
      return;
    }
    if (header.type === VOLUME_LABEL) {
      this.#expect(undefined, header.size);
      return;
    }
    if (header.type === CONTINUED) {
      throw new UnpackFault(
        'unsupported',
        'the archive is one of several volumes, which the worker cannot unpack',
      );
    }
    const facts = this.#facts(header);
    this.#pax = this.#longName = this.#longTarget = undefined;
    const { body, size } = tarBody(this.#writer, facts, block);
    this.#expect(body, size);
  }

  #expect(body: Body | undefined, size: number): void {
    this.#body = body;
    this.#left = size;
    this.#padding = (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
    if (body?.isExtended !== true) this.#startBody();
  }

  /** A body without content is finished at once. */
  #startBody(): void {
    if (this.#left === 0 && this.#body?.isExtended !== true) this.#finishBody();
  }

  #finishBody(): void {
    const body = this.#body;
    this.#body = undefined;
    body?.finish();
  }

  #extendedHeader({ type, size }: TarHeader): Body {
    if (size > MAX_EXTENDED_BYTES) throw corrupt('tar', 'an extended header is too long');
    const parts: Buffer[] = [];
    return {
      write: bytes => parts.push(Buffer.from(bytes)),
      finish: () => {
        const content = Buffer.concat(parts);
        const text = content.toString('latin1').replace(/\0.*$/s, '');
        if (type === PAX) this.#pax = readPax(content);
        else if (type === LONG_NAME) this.#longName = text;
        else if (type === LONG_TARGET) this.#longTarget = text;
        // Global records apply to all entries, for example a comment. Names in them would make no sense.
      },
    };
  }

  /** Combines what is known about an entry: extended headers override its own. */
  #facts(header: TarHeader): EntryFacts {
    const values = this.#pax?.values;
    // An empty record cancels the value of a global one.
    const text = (name: string) => (values?.get(name) === '' ? undefined : values?.get(name));
    const mtime = Number(text('mtime'));
    const size = text('size');
    return {
      type: header.type,
      name: text('GNU.sparse.name') ?? text('path') ?? this.#longName ?? header.name,
      target: text('linkpath') ?? this.#longTarget ?? header.target,
      mode: header.mode,
      mtime: Number.isNaN(mtime) ? header.mtime : mtime,
      size: size === undefined ? header.size : readDigits(size),
      pax: this.#pax,
    };
  }
}
