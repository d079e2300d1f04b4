import { constants } from 'node:fs';
import {
  chmod,
  lchown,
  link,
  lstat,
  lutimes,
  mkdir,
  open,
  opendir,
  readlink,
  symlink,
  utimes,
  type FileHandle,
} from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { isCode } from '../files/is-code.ts';
import { limitedConcurrency } from '../files/limited-concurrency.ts';

/** Number of folders that are processed at a time. */
const LANES = 4;
/** Number of files of one folder that are copied at a time. */
const FILES_AT_A_TIME = 8;
const PIECE_BYTES = 1024 * 1024;
/** Smaller holes in a file are filled. */
const HOLE_BYTES = 64 * 1024;
/** A file with more bytes in holes than this would be read for minutes. */
const MAX_HOLES_BYTES = 256 * 1024 ** 3;
const BLOCK_BYTES = 512;
/** This many files with several names are remembered. Further ones are copied once for each name. */
const MAX_LINKED = 100_000;
const MODE = 0o7777;
const NOTHING = Buffer.alloc(HOLE_BYTES);

export interface Copied {
  /** Files and links. */
  files: number;
  bytes: number;
  /** Pipes, sockets and devices, which are skipped. */
  leftOut: number;
}

/**
 * Copies a folder with everything in it. It keeps modes, modification times (to the microsecond), links,
 * several names of one file, and holes. If the worker is root, it also keeps owners. Links are copied and never
 * followed. Pipes, sockets and devices are skipped.
 *
 * A folder or file in the source that its owner may not read is made readable.
 *
 * @param to does not exist yet
 * @param copied counts what was copied so far
 * @throws the reason of the signal; Error of the system. What was copied until then stays
 */
export async function copyFolder(
  from: string,
  to: string,
  signal: AbortSignal,
  copied: Copied,
): Promise<void> {
  const copying: Copying = { signal, copied, lanes: limitedConcurrency(LANES), linked: new Map() };
  await copyInto(Buffer.from(from), Buffer.from(to), await lstat(from), copying);
}

interface Copying {
  readonly signal: AbortSignal;
  readonly copied: Copied;
  readonly lanes: ReturnType<typeof limitedConcurrency>;
  /** The copy of each file with several names, by inode. */
  readonly linked: Map<string, Promise<Buffer>>;
}

interface Place {
  readonly from: Buffer;
  readonly to: Buffer;
  readonly found: Stats;
}

async function copyInto(from: Buffer, to: Buffer, found: Stats, copying: Copying): Promise<void> {
  const { signal, lanes } = copying;
  signal.throwIfAborted();
  await mkdir(to, { mode: 0o700 });
  const folders: Place[] = [];
  let batch: Buffer[] = [];
  const flush = async () => {
    const names = batch;
    batch = [];
    const copies = names.map(async name => {
      const place = { from: join(from, name), to: join(to, name) };
      const inner = await lstat(place.from);
      if (inner.isDirectory()) folders.push({ ...place, found: inner });
      else await copyEntry({ ...place, found: inner }, copying);
    });
    // When this fails, nothing is being written any more.
    const failed = (await Promise.allSettled(copies)).find(({ status }) => status === 'rejected');
    if (failed) throw (failed as PromiseRejectedResult).reason;
    signal.throwIfAborted();
  };
  // Names need not be text. Node's types do not know names that are buffers.
  const options = { encoding: 'buffer', bufferSize: 64 } as unknown as { bufferSize: number };
  for await (const { name } of await readable(from, 0o700, found, () => opendir(from, options))) {
    batch.push(name as unknown as Buffer);
    if (batch.length === FILES_AT_A_TIME) await flush();
  }
  await flush();
  await lanes(folders, inner => copyInto(inner.from, inner.to, inner.found, copying));
  // Last, because nothing may be creatable in the folder afterwards, and its time is that of the last change.
  await withOwner(to, found);
  await chmod(to, found.mode & MODE);
  await utimes(to, found.atimeMs / 1_000, found.mtimeMs / 1_000);
}

async function copyEntry(place: Place, copying: Copying): Promise<void> {
  const { from, to, found } = place;
  const { copied, linked } = copying;
  if (found.isSymbolicLink()) {
    await symlink(await readlink(from, { encoding: 'buffer' }), to);
    await withOwner(to, found);
    await lutimes(to, found.atimeMs / 1_000, found.mtimeMs / 1_000);
    copied.files++;
  } else if (!found.isFile()) {
    copied.leftOut++;
  } else if (found.nlink > 1) {
    const inode = `${found.dev}:${found.ino}`;
    const first = linked.get(inode);
    if (first && (await isLinked(first, to))) {
      copied.files++;
      return;
    }
    const copy = copyFile(place, copying).then(() => to);
    if (linked.size < MAX_LINKED) linked.set(inode, copy);
    await copy;
  } else {
    await copyFile(place, copying);
  }
}

/** @returns false if the system does not allow another name for the file */
async function isLinked(first: Promise<Buffer>, to: Buffer): Promise<boolean> {
  try {
    await link(await first, to);
    return true;
  } catch (error) {
    if (isCode(error, 'EMLINK', 'EPERM', 'ENOTSUP')) return false;
    throw error;
  }
}

async function copyFile({ from, to, found }: Place, { signal, copied }: Copying): Promise<void> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  // Another task may have replaced it since it was examined.
  await using source = await readable(from, 0o600, found, () =>
    open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
  );
  const { size, blocks, ...stats } = await source.stat();
  if ((stats.mode & constants.S_IFMT) !== constants.S_IFREG) {
    copied.leftOut++;
    return;
  }
  const holes = size - blocks * BLOCK_BYTES;
  if (holes > MAX_HOLES_BYTES) {
    throw new Error(`${from.toString()} has ${size} bytes, most of them holes, and cannot be copied`);
  }
  await using target = await open(to, 'wx', 0o600);
  const buffer = Buffer.allocUnsafe(Math.min(size, PIECE_BYTES));
  const smallest = holes > 0 ? HOLE_BYTES : PIECE_BYTES;
  for (let at = 0; at < size;) {
    signal.throwIfAborted();
    const { bytesRead } = await source.read(buffer, 0, Math.min(buffer.length, size - at), at);
    if (bytesRead === 0) break;
    for (let start = 0; start < bytesRead; start += smallest) {
      const piece = buffer.subarray(start, Math.min(start + smallest, bytesRead));
      const isHole = holes > 0 && piece.equals(NOTHING.subarray(0, piece.length));
      if (!isHole) await writeAll(target, piece, at + start);
    }
    at += bytesRead;
    copied.bytes += bytesRead;
  }
  if (holes > 0) await target.truncate(size);
  if (process.getuid?.() === 0) await target.chown(found.uid, found.gid);
  await target.chmod(found.mode & MODE);
  await target.utimes(found.atimeMs / 1_000, found.mtimeMs / 1_000);
  copied.files++;
}

async function writeAll(target: FileHandle, piece: Buffer, at: number): Promise<void> {
  for (let done = 0; done < piece.length;) {
    const { bytesWritten } = await target.write(piece, done, piece.length - done, at + done);
    done += bytesWritten;
  }
}

/** A task may have removed the read permission, even its own. */
async function readable<T>(path: Buffer, mode: number, found: Stats, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!isCode(error, 'EACCES')) throw error;
    await chmod(path, (found.mode & MODE) | mode);
    return read();
  }
}

async function withOwner(to: Buffer, { uid, gid }: Stats): Promise<void> {
  if (process.getuid?.() === 0) await lchown(to, uid, gid);
}

function join(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, Buffer.from('/'), name]);
}
