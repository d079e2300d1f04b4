import { execFileSync, spawn } from 'node:child_process';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import type { StreamSource } from '../../../src/worker/files/file-source.ts';
import type { Opened, TaskFiles } from '../../../src/worker/files/task-files.ts';

const BLOCK = 512;
/** Files of up to this many bytes are kept from a walk until they are opened. */
const SMALL_BYTES = 32 * 1024;
/** How many of them are kept at a time. */
const KEPT = 64;

/**
 * Presents a folder as files from an archive, like those of a container. `tar` packs the folder when the first file is
 * requested. Large files are streams from another `tar`, and a walk passes small ones in memory.
 */
export function tarFiles(home: string) {
  const counts = { streams: 0, fromMemory: 0, mostKept: 0, closed: 0 };
  const running = new Set<Readable>();
  const kept = new Map<string, Buffer>();
  let archive: string | undefined;

  const archived = (): string => {
    if (archive !== undefined) return archive;
    const folder = mkdtempSync(join(tmpdir(), 'tcw-tar-'));
    onTestFinished(() => {
      rmSync(folder, { recursive: true });
    });
    archive = join(folder, 'files.tar');
    execFileSync('tar', ['--create', '--format=ustar', '--sort=name', '-f', archive, '-C', home, '.']);
    return archive;
  };
  const entries = () => entriesOf(createReadStream(archived()));

  const source = (name: string): StreamSource => ({
    open: async signal => {
      counts.streams++;
      const tar = spawn('tar', ['--extract', '--to-stdout', '-f', archived(), name], { signal });
      tar.on('error', () => undefined);
      running.add(tar.stdout);
      tar.once('close', () => running.delete(tar.stdout));
      return tar.stdout;
    },
    close: async () => void counts.closed++,
  });

  const open = async (path: string): Promise<Opened> => {
    const file = resolve(home, path);
    if (file !== home && !file.startsWith(home + sep)) return { kind: 'outside' };
    const content = kept.get(file);
    if (content) {
      kept.delete(file);
      counts.fromMemory++;
      return { kind: 'file', file, source: content, size: content.length };
    }
    for await (const { name, isFile, size } of entries()) {
      if (resolve(home, name) !== file) continue;
      return isFile ? { kind: 'file', file, source: source(name), size } : { kind: 'directory' };
    }
    return { kind: 'missing' };
  };

  async function* walk(path: string): AsyncGenerator<string, void, undefined> {
    const directory = resolve(home, path) + sep;
    for await (const { name, isFile, size, read } of entries()) {
      const file = resolve(home, name);
      if (!isFile || !file.startsWith(directory)) continue;
      if (size <= SMALL_BYTES) {
        kept.set(file, await read());
        const [oldest] = kept.keys();
        if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
        counts.mostKept = Math.max(counts.mostKept, kept.size);
      }
      yield file;
    }
  }
  return { files: { open, walk } satisfies TaskFiles, counts, running };
}

interface Entry {
  readonly name: string;
  readonly isFile: boolean;
  /** In bytes. */
  readonly size: number;
  /** Reads the content. Call it before the next entry is requested. */
  readonly read: () => Promise<Buffer>;
}

/** The entries of a ustar archive, in order. */
async function* entriesOf(archive: Readable): AsyncGenerator<Entry, void, undefined> {
  const pieces = (archive as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  async function* next(count: number): AsyncGenerator<Buffer, void, undefined> {
    for (let left = count; left > 0;) {
      if (rest.length === 0) {
        const read = await pieces.next();
        if (read.done) throw new Error('the archive is cut off');
        rest = read.value;
      }
      const piece = rest.subarray(0, left);
      rest = rest.subarray(left);
      left -= piece.length;
      yield piece;
    }
  }
  try {
    for (;;) {
      const header = await buffer(next(BLOCK));
      const text = (from: number, to: number) => header.toString('latin1', from, to).split('\0')[0] ?? '';
      const name = text(0, 100);
      if (name === '') return;
      const size = Number.parseInt(text(124, 136), 8);
      let left = size;
      const read = async () => {
        const content = await buffer(next(size));
        left = 0;
        return content;
      };
      yield { name, isFile: text(156, 157) === '0', size, read };
      await buffer(next(left + ((BLOCK - (size % BLOCK)) % BLOCK)));
    }
  } finally {
    archive.destroy();
  }
}
