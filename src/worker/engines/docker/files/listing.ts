import type { FileHandle } from 'node:fs/promises';
import { filePieces, fillFrom } from '../../../files/file-pieces.ts';
import { namelessFile } from '../../../files/new-file.ts';
import { isFile, tarEntries, type TarEntry } from '../tar/tar-entries.ts';

const FOLDER = '5';
/**
 * Files of up to this many bytes are kept while a directory is listed. One call for each file would take far longer.
 */
const SMALL_BYTES = 32 * 1024;
/** How many bytes of content are kept for one directory. Later files are fetched one by one. */
const MAX_KEPT_BYTES = 256 * 1024 * 1024;
/** Bytes per write. */
const BATCH_BYTES = 1024 * 1024;
/** Bytes per read. */
const READ_BYTES = 64 * 1024;

/** An entry of a directory. */
export interface Listed {
  /** Relative to the directory. */
  readonly name: string;
  /** The content of a small file. */
  readonly content?: Buffer;
}

/**
 * The entries of a directory, which may exceed memory. They are stored in an unnamed temporary file, with the content
 * of small files.
 */
export class Listing implements AsyncDisposable {
  readonly #names: Spool;
  readonly #contents: Spool;

  private constructor(names: Spool, contents: Spool) {
    this.#names = names;
    this.#contents = contents;
  }

  /**
   * Reads a whole archive.
   *
   * @param nameOf the path of an entry relative to the directory
   * @param beside path prefix for the temporary file
   */
  static async of(
    archive: AsyncIterable<Buffer>,
    nameOf: (entry: TarEntry) => string,
    beside: string,
  ): Promise<Listing> {
    await using stack = new AsyncDisposableStack();
    const names = stack.use(new Spool(await namelessFile(beside)));
    const contents = stack.use(new Spool(await namelessFile(beside)));
    for await (const entry of tarEntries(archive)) {
      if (entry.type === FOLDER || entry.name.endsWith('/')) continue;
      const isKept =
        isFile(entry) && entry.size <= SMALL_BYTES && contents.size + entry.size <= MAX_KEPT_BYTES;
      // As bytes: a name may contain any byte but NUL.
      await names.add(Buffer.from(`${nameOf(entry)}\0${isKept ? entry.size : ''}\0`, 'latin1'));
      if (isKept) for await (const piece of entry.content()) await contents.add(piece);
    }
    await Promise.all([names.flush(), contents.flush()]);
    stack.move();
    return new Listing(names, contents);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Listed, void, undefined> {
    let name: string | undefined;
    let at = 0;
    for await (const word of this.#names.words()) {
      if (name === undefined) {
        name = word;
        continue;
      }
      const size = word === '' ? undefined : Number(word);
      const content = size === undefined ? undefined : await this.#contents.read(at, size);
      at += size ?? 0;
      yield { name, ...(content && { content }) };
      name = undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#names[Symbol.asyncDispose]();
    await this.#contents[Symbol.asyncDispose]();
  }
}

/** An unnamed file that is written to its end, and then read. */
class Spool implements AsyncDisposable {
  readonly #handle: FileHandle;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #written = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  get size(): number {
    return this.#written + this.#waitingBytes;
  }

  async add(bytes: Buffer): Promise<void> {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= BATCH_BYTES) await this.flush();
  }

  async flush(): Promise<void> {
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    await this.#handle.appendFile(bytes);
    this.#written += bytes.length;
  }

  async read(at: number, size: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(size);
    await fillFrom(this.#handle, buffer, size, at);
    return buffer;
  }

  /** The texts before each NUL, from the beginning. */
  async *words(): AsyncGenerator<string, void, undefined> {
    let rest = Buffer.alloc(0);
    const nextBuffer = () => Buffer.allocUnsafe(READ_BYTES);
    for await (const chunk of filePieces(this.#handle, this.#written, nextBuffer)) {
      rest = Buffer.concat([rest, chunk]);
      let begin = 0;
      for (let end = rest.indexOf(0); end !== -1; end = rest.indexOf(0, begin)) {
        yield rest.toString('utf8', begin, end);
        begin = end + 1;
      }
      rest = rest.subarray(begin);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#handle.close();
  }
}
