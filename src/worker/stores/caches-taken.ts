import { shortageOf } from '../shortage.ts';
import { TaskError } from '../outcome.ts';
import { identityOf, isSame, moveCache, NotTheCache, type Identity } from './caches-move.ts';
import { mountsIn } from './caches-mounts.ts';
import type { CachePool, OutForUse } from './caches-pool.ts';

/** The log of the task. The prefix `[mounts] ` is added to what is written here. */
export interface CacheLog {
  info(message: string): void;
  warn(message: string): void;
}

/** A cache in the hands of one run. Disposing of it discards it, unless it was kept or discarded before. */
export interface TakenCache extends AsyncDisposable {
  readonly cacheName: string;
  /** Where the run has it. */
  readonly path: string;
  /** Whether it is new: an empty directory, to be filled with the content that the payload names. */
  readonly isNew: boolean;
  /**
   * Puts it back for later runs. Every process of the run has to be dead. A cache that a purge request came for meanwhile,
   * or that this machine cannot keep, is discarded instead, and the log says so.
   *
   * @param signal ends a copy to another file system; the cache is discarded then
   * @throws TaskError `task-failed` when the task has put something else in its place, or removed it; the reason of the
   *   signal. The cache is discarded then
   */
  keep(signal: AbortSignal): Promise<void>;
  /** Removes it. What cannot be removed is told to the worker's log, and left to the end of the run. Never throws. */
  discard(): Promise<void>;
}

/** Where a cache is, and which one it is. */
export interface CachePlace {
  readonly id: string;
  readonly cacheName: string;
  readonly createdMs: number;
  readonly path: string;
  readonly identity: Identity;
  readonly isNew: boolean;
}

export interface TakenOptions {
  readonly pool: CachePool;
  readonly log: CacheLog;
  readonly progressMs?: number;
}

export function takenCache(place: CachePlace, { pool, log, progressMs }: TakenOptions): TakenCache {
  const { id, cacheName, createdMs, path, identity, isNew } = place;
  const use: OutForUse = { cacheName, createdMs, isPurged: false };
  pool.begin(use);
  let isOver = false;

  const discard = async () => {
    if (isOver) return;
    isOver = true;
    pool.end(use);
    log.info(`[mounts] Removing cache ${cacheName} from cache table`);
    log.info(`[mounts] Deleting cache ${cacheName} file(s) at ${path}`);
    // Links that the task has made may lead to other directories than the cache.
    if (isSame(await identityOf(path).catch(() => undefined), identity)) await pool.throwAway(path, identity);
  };

  /** Moves it into the folder of caches, as what other runs can take. */
  const putAway = async (signal: AbortSignal): Promise<void> => {
    const to = pool.pathOf(id);
    const mounts = await mountsIn(path);
    if (mounts.length > 0) throw new NotKept(`something is mounted at ${mounts[0] ?? path}`);
    if (!(await pool.isInPlace())) throw new NotKept('the folder of caches was replaced');
    log.info(`[mounts] Preserving cache: Moving "${path}" to "${to}"`);
    const onProgress = (line: string) => {
      log.info(`[mounts] ${line}`);
    };
    try {
      const moved = await moveCache(path, to, identity, {
        onProgress,
        signal,
        ...(progressMs && { progressMs }),
      });
      if (moved.isCopy) await pool.throwAway(path, identity);
      pool.add({ id, cacheName, ino: moved.identity.ino, createdMs, lastUsedMs: Date.now() });
    } catch (error) {
      // A part of a copy, or what was moved here in the place of the cache.
      void pool.throwAway(to);
      throw error;
    }
  };

  return {
    cacheName,
    path,
    isNew,
    discard,
    [Symbol.asyncDispose]: discard,
    keep: async signal => {
      if (isOver) throw new Error(`cache ${cacheName} was given back already`);
      if (use.isPurged) {
        log.info(`[mounts] Cache ${cacheName} is not preserved, since its purge was requested meanwhile`);
        await discard();
        return;
      }
      try {
        await putAway(signal);
        isOver = true;
        pool.end(use);
      } catch (error) {
        await discard();
        if (signal.aborted) throw signal.reason;
        if (error instanceof NotTheCache) {
          throw new TaskError(
            'task-failed',
            `could not persist cache "${cacheName}" due to ${error.message}`,
          );
        }
        log.warn(`[mounts] Could not preserve cache ${cacheName}: ${reasonOf(error)}`);
      }
    },
  };
}

/** Why a cache cannot be kept, for which the task need not fail. */
class NotKept extends Error {}

function reasonOf(error: unknown): string {
  const shortage = shortageOf(error);
  if (shortage !== undefined) return `this machine has run out of ${shortage}`;
  return error instanceof Error ? error.message : String(error);
}
