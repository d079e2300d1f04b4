import { shortageOf } from '../shortage.ts';
import { TaskError } from '../outcome.ts';
import { identityOf, isSame, moveCache, CacheReplaced, type Identity } from './caches-move.ts';
import { mountsIn } from './caches-mounts.ts';
import type { CachePool, CacheInUse } from './caches-pool.ts';

/** The log of the task. The prefix `[mounts] ` is added. */
export interface CacheLog {
  info(message: string): void;
  warn(message: string): void;
}

/** A cache in the hands of one run. Disposing of it discards it, unless it was kept or discarded before. */
export interface TakenCache extends AsyncDisposable {
  readonly cacheName: string;
  /** The path at which the run has it. */
  readonly path: string;
  /** Whether it is new: an empty directory for the content that the payload names. */
  readonly isNew: boolean;
  /**
   * Returns it to the pool for later runs. Every process of the run must be dead. A cache that was purged in
   * the meantime, or that this machine cannot keep, is discarded instead, and the log says so.
   *
   * @param signal ends a copy to another file system; the cache is then discarded
   * @throws TaskError `task-failed` when the task has removed or replaced it; the reason of the signal. The
   *   cache is then discarded
   */
  keep(signal: AbortSignal): Promise<void>;
  /** Removes it. Problems are reported in the worker's log, and the end of the run tries again. Never throws. */
  discard(): Promise<void>;
}

/** The place and the identity of a cache. */
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
  const use: CacheInUse = { cacheName, createdMs, isPurged: false };
  pool.begin(use);
  let isOver = false;

  const discard = async () => {
    if (isOver) return;
    isOver = true;
    pool.end(use);
    log.info(`[mounts] Removing cache ${cacheName} from cache table`);
    log.info(`[mounts] Deleting cache ${cacheName} file(s) at ${path}`);
    // Links made by the task may lead to directories other than the cache.
    if (isSame(await identityOf(path).catch(() => undefined), identity)) await pool.discard(path, identity);
  };

  /** Moves it into the folder of caches, where other runs can take it. */
  const putBack = async (signal: AbortSignal): Promise<void> => {
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
      if (moved.isCopy) await pool.discard(path, identity);
      pool.add({ id, cacheName, ino: moved.identity.ino, createdMs, lastUsedMs: Date.now() });
    } catch (error) {
      // A partial copy, or a replacement that was moved by mistake.
      void pool.discard(to);
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
        await putBack(signal);
        isOver = true;
        pool.end(use);
      } catch (error) {
        await discard();
        if (signal.aborted) throw signal.reason;
        if (error instanceof CacheReplaced) {
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

/** A reason not to keep a cache that is not the task's fault. */
class NotKept extends Error {}

function reasonOf(error: unknown): string {
  const shortage = shortageOf(error);
  if (shortage !== undefined) return `this machine has run out of ${shortage}`;
  return error instanceof Error ? error.message : String(error);
}
