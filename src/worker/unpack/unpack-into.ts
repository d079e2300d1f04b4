import { realpath, type FileHandle } from 'node:fs/promises';
import type { Owner } from '../files/owner.ts';
import type { ArchiveFormat } from './formats.ts';
import { openSource } from './open-source.ts';
import { mutex } from './mutex.ts';
import { inThread, type Listener } from './thread/start.ts';
import { outside } from './unpack-error.ts';

/** The library for these formats holds the whole archive in memory, and its own data: up to 2 GiB. */
const sealed = mutex();

const RESERVE_BYTES = 256 * 1024 * 1024;

export interface UnpackOptions {
  /** Stops the work at once. What has been unpacked until then stays. */
  readonly signal: AbortSignal;
  /** Returns the number of free bytes on the folder's disk. By default, the system is asked. */
  readonly freeBytes?: (() => Promise<number>) | undefined;
  /** Number of bytes that stay free on the disk. By default 256 MiB. */
  readonly reserveBytes?: number | undefined;
  /** The owner of everything that is created. Only root can change it. By default the worker's user. */
  readonly owner?: Owner | undefined;
  /** Called at most a few times a second. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export interface Progress {
  /** Number of folders, files and links so far. */
  readonly entries: number;
  /** Content written to files so far. */
  readonly bytes: number;
}

/** The result of unpacking. */
export interface Unpacked extends Progress {
  /** Number of skipped entries: devices, pipes, sockets, and links that lead out of the folder. */
  readonly skipped: number;
  /** One line for each skipped entry, for the task's log. At most the first 20. */
  readonly skippedLines: readonly string[];
}

/**
 * Unpacks an archive into a folder. Whatever the archive contains, nothing outside the folder is created,
 * changed or removed. Existing entries of the same name are replaced, except a folder that is not empty. Nobody
 * else may write to the folder meanwhile.
 *
 * Files and folders belong to the worker's user, or to the `owner`. Modes are kept, without setuid, setgid and
 * sticky bits, and the owner may always use a folder. Links that stay inside are kept. Devices, pipes, sockets,
 * and links that lead outside or may lead outside are skipped, and counted in the result.
 */
export async function unpackInto(
  archive: FileHandle | string,
  format: ArchiveFormat,
  folder: string,
  { signal, freeBytes, reserveBytes = RESERVE_BYTES, owner, onProgress }: UnpackOptions,
): Promise<Unpacked> {
  signal.throwIfAborted();
  using _turn = isSealed(format) ? await sealed.lock(signal) : undefined;
  await using source = await openSource(archive);
  const job = {
    kind: 'unpack',
    format,
    descriptor: source.descriptor,
    folder: await realpath(folder),
    reserveBytes,
    asksForRoom: freeBytes !== undefined,
    ...(owner && { owner: { uid: owner.uid, gid: owner.gid } }),
  } as const;
  const failed = new AbortController();
  const listener: Listener = {
    said: (word, answer) => {
      if (word.kind === 'progress') onProgress?.({ entries: word.entries, bytes: word.bytes });
      if (word.kind !== 'room?' || freeBytes === undefined) return;
      freeBytes().then(
        free => {
          answer({ kind: 'room', free });
        },
        (error: unknown) => {
          failed.abort(error);
        },
      );
    },
  };
  try {
    return (await inThread(job, AbortSignal.any([signal, failed.signal]), listener)) as Unpacked;
  } catch (error) {
    throw outside(error);
  }
}

function isSealed(format: ArchiveFormat): boolean {
  return format === '7z' || format === 'rar';
}
