import { realpath, type FileHandle } from 'node:fs/promises';
import type { Owner } from '../files/owner.ts';
import type { ArchiveFormat } from './formats.ts';
import { openSource } from './open-source.ts';
import { inTurns } from './in-turns.ts';
import { inThread, type Listener } from './thread/start.ts';
import { outside } from './unpack-error.ts';

/** The library for these formats has the whole archive in memory, and what it needs for its work: up to 2 GiB. */
const sealed = inTurns();

const RESERVE_BYTES = 256 * 1024 * 1024;

export interface UnpackOptions {
  /** Stops the work at once. What has been unpacked until then stays. */
  readonly signal: AbortSignal;
  /** Tells how many bytes are free on the folder's disk. Without it, the system is asked. */
  readonly freeBytes?: (() => Promise<number>) | undefined;
  /** So many bytes of the disk stay free. 256 MiB if not given. */
  readonly reserveBytes?: number | undefined;
  /** To whom everything that is made is given; only root can do that. The worker's user unless given. */
  readonly owner?: Owner | undefined;
  /** Called now and then, at most a few times a second. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export interface Progress {
  /** Folders, files and links so far. */
  readonly entries: number;
  /** Content of files written so far. */
  readonly bytes: number;
}

/** What was unpacked. */
export interface Unpacked extends Progress {
  /** How many entries were left out: devices, pipes, sockets, and links that lead out of the folder. */
  readonly skipped: number;
  /** One line for each entry that was left out, for the task's log. Of many, the first 20. */
  readonly skippedLines: readonly string[];
}

/**
 * Unpacks an archive into a folder. Whatever the archive contains, nothing outside of the folder is made, changed or
 * removed; what is in the folder already is replaced where the archive has something of the same name, except a folder
 * that is not empty. Nobody else may write to the folder meanwhile.
 *
 * Files and folders belong to the worker's user, or to the `owner`. Modes are kept, without setuid, setgid and sticky bits; the owner may
 * always use a folder. Links that stay inside are kept. Left out, and told in the result: devices, pipes, sockets, and
 * links that lead outside or cannot be proven to stay inside. An entry whose name has `..` in it, or that lies behind a
 * symbolic link, ends the work.
 *
 * Of 7z and rar, one archive is unpacked at a time; others wait.
 *
 * @param archive a path, or an open file, which is read from its start whatever its position is, and not closed
 * @param folder an existing folder
 * @throws UnpackError, or the reason of the signal, or an error of the system; what has been unpacked until then stays
 */
export async function unpackInto(
  archive: FileHandle | string,
  format: ArchiveFormat,
  folder: string,
  { signal, freeBytes, reserveBytes = RESERVE_BYTES, owner, onProgress }: UnpackOptions,
): Promise<Unpacked> {
  signal.throwIfAborted();
  using _turn = isSealed(format) ? await sealed.turn(signal) : undefined;
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
