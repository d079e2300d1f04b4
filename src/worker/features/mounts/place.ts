import { chmod, constants, copyFile, lchown, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { filePieces } from '../../files/file-pieces.ts';
import type { Owner } from '../../files/owner.ts';
import { newFile, unlessMissing } from '../../files/new-file.ts';
import { TaskError } from '../../outcome.ts';
import { diskSpace, type DownloadLog } from '../../stores/index.ts';
import { decompressed, unpackInto, type ArchiveFormat, type Compression } from '../../unpack/index.ts';
import type { Content } from './contents.ts';
import type { Targets } from './targets.ts';

const { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE } = constants;
const COPY_BYTES = 4 * 1024 * 1024;
/** The disk is checked after this many bytes. */
const CHECK_BYTES = 64 * 1024 * 1024;
/** This much space stays free. */
const RESERVE_BYTES = 256 * 1024 * 1024;
/** The usual mode of a task's own files. The task can make it executable with chmod. */
const FILE_MODE = 0o644;

/** Where content is put, and how that is reported. */
export interface Placing {
  readonly targets: Targets;
  readonly log: DownloadLog;
  readonly signal: AbortSignal;
  /** The owner. By default the worker's user. */
  readonly user?: Owner | undefined;
}

/** Writes content to a path as a file. Replaces an existing file. */
export async function placeFile(
  content: Content,
  format: string | undefined,
  file: string,
  { targets, log, signal, user }: Placing,
): Promise<void> {
  log.info(`Creating directory ${dirname(file)}`);
  await targets.makeFolder(dirname(file));
  if (format === undefined) {
    log.info(`Copying ${content.name} to ${file}`);
    await unlink(file).catch(unlessMissing);
    if (await isCloned(content, file)) {
      if (user) await lchown(file, user.uid, user.gid);
      return chmod(file, FILE_MODE);
    }
  } else log.info(`Decompressing ${format} file ${content.name} to '${file}'`);
  await using target = await newFile(file);
  const pieces = format === undefined ? copied(content) : unpacked(content, format, file, signal);
  let unchecked = CHECK_BYTES;
  for await (const piece of pieces) {
    signal.throwIfAborted();
    // A few bytes may unpack to any number of bytes.
    unchecked += piece.length;
    if (unchecked > CHECK_BYTES) {
      await checkDisk(file);
      unchecked = 0;
    }
    await target.writeFile(piece);
  }
  if (user) await target.chown(user.uid, user.gid);
  await target.chmod(FILE_MODE);
}

/** @throws TaskError `resource-unavailable` when the disk is nearly full */
async function checkDisk(file: string): Promise<void> {
  const { freeBytes } = await diskSpace(dirname(file));
  if (freeBytes >= RESERVE_BYTES) return;
  throw new TaskError(
    'resource-unavailable',
    `this machine has run out of disk space while it wrote ${file}`,
  );
}

/** Clones content if the file system lets two files share it, which takes no time. */
async function isCloned({ handle }: Content, file: string): Promise<boolean> {
  try {
    await copyFile(`/proc/self/fd/${handle.fd}`, file, COPYFILE_EXCL | COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false;
  }
}

function copied({ handle, bytes }: Content): AsyncIterable<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(Math.max(1, Math.min(bytes, COPY_BYTES)));
  return filePieces(handle, bytes, () => buffer);
}

async function* unpacked({ name, handle }: Content, format: string, file: string, signal: AbortSignal) {
  try {
    yield* decompressed(handle, format as Compression, { signal }) as AsyncIterable<Buffer>;
  } catch (error) {
    addContext(`not able to decompress ${name} to ${file}`)(error);
  }
}

/** Unpacks content into a directory. */
export async function placeDirectory(
  content: Content,
  format: string,
  directory: string,
  { targets, log, signal, user }: Placing,
): Promise<void> {
  log.info(`Creating directory ${directory}`);
  await targets.makeFolder(directory);
  targets.guard(directory);
  log.info(`Extracting ${format} file ${content.name} to '${directory}'`);
  const { skipped, skippedLines } = await unpackInto(content.handle, format as ArchiveFormat, directory, {
    signal,
    owner: user,
  }).catch(addContext(`cannot unarchive ${content.name} to '${directory}'`));
  for (const line of skippedLines) log.warn(line);
  if (skipped > skippedLines.length) log.warn(`${skipped} entries of the archive were omitted in total`);
}

/** Adds to an error what was being done. */
function addContext(what: string) {
  return (error: unknown): never => {
    if (!(error instanceof TaskError)) throw error;
    throw new TaskError(error.kind, `${what}: ${error.message}`, { cause: error });
  };
}
