import { lchown, mkdir, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Emit } from '../events.ts';
import { giveFolder } from '../files/give-folder.ts';
import { isCode } from '../files/is-code.ts';
import type { Owner } from '../files/owner.ts';
import { TaskError } from '../outcome.ts';
import { shortageOf } from '../shortage.ts';
import { adopted } from './caches-adopt.ts';
import { trash, type Discard } from './caches-trash.ts';
import { identityOf, moveCache, CacheReplaced } from './caches-move.ts';
import { cachePool } from './caches-pool.ts';
import { sweep } from './caches-sweep.ts';
import { newCacheId, readTable, type CacheEntry } from './caches-table.ts';
import { takenCache, type CacheLog, type TakenCache } from './caches-taken.ts';
import type { Store } from './collector.ts';
import { ownFolder } from './own-folder.ts';
import type { PurgeRequests } from './purge-requests.ts';

export type { TakenCache } from './caches-taken.ts';

/** How long the removal of caches may delay the end of a worker, in ms. The next start removes the rest. */
const LAST_REMOVALS_MS = 5_000;

/** The writable directory caches of one worker. While no run uses them, they are in `cachesDir`. */
export interface Caches extends Store, AsyncDisposable {
  /**
   * Gives a run a cache: the freshest one with that name that no other run has, or a new, empty directory.
   *
   * An existing cache is moved to `target` by rename, or copied if the target is on another file system.
   * Requests of the purge-cache service are applied first.
   *
   * Writes the same log lines as generic-worker, up to the creation of the directory. The caller writes
   * `Successfully mounted …`, because it may have to fill a new cache first.
   *
   * @param target absolute path of the directory. Nothing may be there, except an empty directory, which is
   *   replaced. So it cannot be the run's own folder
   * @throws TaskError `task-failed` when something is at the target; the reason of the signal; Error of the
   *   system. The cache is then unchanged
   */
  take(cacheName: string, target: string, options: TakeOptions): Promise<TakenCache>;
}

export interface TakeOptions {
  readonly log: CacheLog;
  readonly signal: AbortSignal;
  /**
   * Creates the folder that contains the target. Before that, the log says `Creating directory …`. The caller
   * knows which links a task may have created on the way, and follows none. By default, the folder must exist.
   */
  readonly makeParent?: () => Promise<unknown>;
  /** The new owner of the cache. By default unchanged. Only root can change it. */
  readonly owner?: Owner | undefined;
}

export interface CachesOptions {
  /** Number of caches of one name that are kept: one for each slot. */
  readonly capacity: number;
  readonly emit: Emit;
  /** Without it, nothing is purged. */
  readonly purge?: PurgeRequests;
  /** The queue's clock, in ms since the epoch. By default this machine's. */
  readonly now?: () => number;
  /** How often a copy writes its progress to the log, in ms. */
  readonly progressMs?: number;
}

/**
 * Opens the caches that earlier workers have kept in a folder. Everything that was not returned in good order
 * is removed: caches in use when a worker crashed, directories that are in no list, and entries whose directory
 * is gone or replaced.
 *
 * @throws Error of the system when the folder cannot be used
 */
export async function openCaches(dir: string, options: CachesOptions): Promise<Caches> {
  const { capacity, emit, purge, now = Date.now, progressMs } = options;
  using opening = new DisposableStack();
  const own = opening.use(
    await ownFolder(dir, (path, err) => {
      emit({ type: 'store-entry-stays', description: path, folder: dir, err });
    }),
  );
  const { path: folder } = own;
  const trashOfCaches = trash(folder);
  const discard: Discard = (path, made) =>
    trashOfCaches.discard(path, made).catch((err: unknown) => {
      emit({ type: 'store-entry-stays', description: `cache at ${path}`, folder, err });
    });
  const found = await sweep(own, readTable(folder), { discard, emit });
  found.push(...(await adopted(own, { discard, emit })));
  const pool = cachePool({ own, capacity, emit, discard }, found);

  const held = opening.move();

  const applyPurgeRequests = async (log: CacheLog, signal: AbortSignal) => {
    if (!purge) return;
    for (const entry of pool.purged(await purge.asked(signal))) forget(entry, log);
  };
  /** Discards an entry that is no longer in the pool. */
  const forget = ({ id, cacheName }: CacheEntry, log: CacheLog) => {
    log.info(`[mounts] Removing cache ${cacheName} from cache table`);
    log.info(`[mounts] Deleting cache ${cacheName} file(s) at ${pool.pathOf(id)}`);
    void discard(pool.pathOf(id));
  };

  const existing = async (entry: CacheEntry, target: string, options: TakeOptions) => {
    const { log, signal, makeParent, owner } = options;
    const { id, cacheName, createdMs } = entry;
    const path = pool.pathOf(id);
    log.info(`[mounts] Moving existing writable directory cache ${cacheName} from ${path} to ${target}`);
    log.info(`[mounts] Creating directory ${dirname(target)}`);
    await makeParent?.();
    await clear(target, cacheName);
    const made = { dev: own.identity.dev, ino: entry.ino };
    const onProgress = (line: string) => {
      log.info(`[mounts] ${line}`);
    };
    try {
      const moved = await moveCache(path, target, made, {
        onProgress,
        signal,
        ...(progressMs && { progressMs }),
      });
      // The copy is now the cache, and a run changes it. No other run must find the original.
      if (moved.isCopy) void discard(path, made);
      if (owner) await given(target, owner);
      return { id, cacheName, createdMs, path: target, identity: moved.identity, isNew: false };
    } catch (error) {
      // A partial copy, or a replacement that was moved by mistake.
      await trashOfCaches.discard(target).catch(() => undefined);
      throw error;
    }
  };

  const created = async (cacheName: string, target: string, options: TakeOptions) => {
    const { log, signal, makeParent, owner } = options;
    const id = newCacheId();
    log.info(`[mounts] No existing writable directory cache '${cacheName}' - creating ${pool.pathOf(id)}`);
    log.info(`[mounts] Creating directory ${target}`);
    await makeParent?.();
    signal.throwIfAborted();
    await clear(target, cacheName);
    const createdMs = now();
    await mkdir(target, { mode: 0o700 });
    if (owner) await lchown(target, owner.uid, owner.gid);
    const identity = await identityOf(target);
    if (!identity) throw new Error(`${target} was removed while it was made`);
    return { id, cacheName, createdMs, path: target, identity, isNew: true };
  };

  return {
    folder,
    unused: () => pool.unused(),
    take: async (cacheName, target, options) => {
      const { log, signal } = options;
      signal.throwIfAborted();
      await applyPurgeRequests(log, signal);
      for (let entry = pool.take(cacheName); entry; entry = pool.take(cacheName)) {
        try {
          const place = await existing(entry, target, options);
          return takenCache(place, { pool, log, ...(progressMs && { progressMs }) });
        } catch (error) {
          if (!(error instanceof CacheReplaced)) {
            pool.putBack(entry);
            throw error;
          }
          const isReplaced = error.cause === undefined;
          log.warn(`[mounts] ${error.message}${isReplaced ? ': somebody has replaced it' : ''}`);
          forget(entry, log);
        }
      }
      const place = await created(cacheName, target, options);
      return takenCache(place, { pool, log, ...(progressMs && { progressMs }) });
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.race([trashOfCaches.emptied(), sleep(LAST_REMOVALS_MS, undefined, { ref: false })]);
      held.dispose();
    },
  };
}

/**
 * A cache that cannot change its owner, for example because it is too deep for a path, would block all later
 * tasks.
 */
async function given(cache: string, owner: Owner): Promise<void> {
  try {
    await giveFolder(cache, owner);
  } catch (error) {
    if (shortageOf(error) !== undefined) throw error;
    throw new CacheReplaced(
      `the cache cannot be given to the user of the task (${(error as Error).message})`,
      {
        cause: error,
      },
    );
  }
}

/** Makes sure that nothing is at the target of a cache. */
async function clear(target: string, cacheName: string): Promise<void> {
  try {
    await rmdir(target);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return;
    if (!isCode(error, 'ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'EBUSY')) throw error;
    const message = `cannot mount cache "${cacheName}" at path ${target}: it already exists`;
    throw new TaskError('task-failed', message);
  }
}
