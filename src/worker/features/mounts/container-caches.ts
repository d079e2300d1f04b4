import { chmod } from 'node:fs/promises';
import type { Bind } from '../../engines/container.ts';
import { makeRunFolder } from '../../files/run-folder.ts';
import type { Caches, DownloadLog, TakenCache } from '../../stores/index.ts';
import type { MountSpec } from '../../task-spec.ts';
import { heldCaches, type MountedCaches } from './held-caches.ts';

/** A run with caches for its container. */
interface CachingRun {
  /** Opens the worker's caches. */
  readonly caches: () => Promise<Caches>;
  readonly log: DownloadLog;
  /** The log of the task, without a prefix. */
  readonly taskLog: DownloadLog;
  readonly signal: AbortSignal;
  /** Returns the path of a folder beside the run's folder. */
  readonly beside: (name: string) => string;
}

/** The caches of a run, and how its container sees them. */
export interface ContainerCaches {
  readonly caches: MountedCaches;
  readonly binds: readonly Bind[];
}

/**
 * Every user must be able to write, because an image's command may run as any user, as in docker-worker. Only
 * the container can reach the folder.
 */
const CACHE_MODE = 0o777;

/**
 * Takes the caches for a container into a folder beside the run's folder. If one is not available, the others
 * are given back.
 *
 * @throws TaskError, an error of the system, or the reason of the signal
 */
export async function cachesForContainer(
  mounts: readonly MountSpec[],
  run: CachingRun,
): Promise<ContainerCaches> {
  const { path: folder } = await makeRunFolder(run.beside('caches'));
  const binds: Bind[] = [];
  const caches = await heldCaches(mounts, run.signal, async (mount, index, hold) => {
    if (mount.kind !== 'cache') throw new Error(`a container cannot have a mounted ${mount.kind}`);
    const cache = hold(await take(mount.cacheName, `${folder}/${index}`, run));
    // A task may have changed the mode, and the next one may run as another user.
    await chmod(cache.path, CACHE_MODE);
    binds.push({ source: cache.path, target: mount.path });
    run.log.info(`Successfully mounted writable directory cache '${mount.path}'`);
  });
  return { caches, binds };
}

async function take(cacheName: string, target: string, run: CachingRun): Promise<TakenCache> {
  const caches = await run.caches();
  return caches.take(cacheName, target, { log: run.taskLog, signal: run.signal });
}
