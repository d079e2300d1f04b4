import { dirname } from 'node:path';
import type { TaskUser } from '../../engines/engine.ts';
import type { Caches, DownloadLog, TakenCache } from '../../stores/index.ts';
import type { MountSpec } from '../../task-spec.ts';
import { contentFor, type ContentRun } from './contents.ts';
import { heldCaches, type MountedCaches } from './held-caches.ts';
import { placeDirectory, placeFile } from './place.ts';
import { checkFileTarget, targetsIn, type Targets } from './targets.ts';

/** The run for which something is mounted. */
export interface MountingRun extends ContentRun {
  /** The run's folder, absolute. */
  readonly home: string;
  /** The owner of what is mounted. Undefined if that is the worker's user. */
  readonly user: TaskUser | undefined;
  /** Opens the worker's caches. */
  readonly caches: () => Promise<Caches>;
  /** The log of the task, without a prefix. */
  readonly taskLog: DownloadLog;
}

/**
 * Mounts everything that a task asks for, in the payload's order. If an item cannot be mounted, caches are
 * given back. After a stop they are discarded. The rest is removed at the end of the run.
 *
 * @throws TaskError, an error of the system, or the reason of the signal
 */
export async function mountAll(mounts: readonly MountSpec[], run: MountingRun): Promise<MountedCaches> {
  const targets = await targetsIn(run.home, run.user);
  return heldCaches(mounts, run.signal, (mount, _index, hold) => {
    if (mount.kind === 'file') return mountFile(mount, targets, run);
    if (mount.kind === 'directory') return mountDirectory(mount, targets, run);
    return mountCache(mount, targets, run, hold);
  });
}

type Mount<K extends MountSpec['kind']> = Extract<MountSpec, { kind: K }>;

async function mountFile(mount: Mount<'file'>, targets: Targets, run: MountingRun): Promise<void> {
  const file = targets.pathOf(mount.path);
  await checkFileTarget(file);
  await using content = await contentFor(mount.content, run);
  await placeFile(content, mount.format, file, { targets, ...run });
  await content.verify();
}

async function mountDirectory(mount: Mount<'directory'>, targets: Targets, run: MountingRun): Promise<void> {
  const directory = targets.pathOf(mount.path);
  await using content = await contentFor(mount.content, run);
  await placeDirectory(content, mount.format, directory, { targets, ...run });
  await content.verify();
}

async function mountCache(
  mount: Mount<'cache'>,
  targets: Targets,
  run: MountingRun,
  hold: (cache: TakenCache) => TakenCache,
): Promise<void> {
  const directory = targets.pathOf(mount.path);
  const caches = await run.caches();
  const cache = hold(
    await caches.take(mount.cacheName, directory, {
      log: run.taskLog,
      signal: run.signal,
      owner: run.user,
      makeParent: () => targets.makeFolder(dirname(directory)),
    }),
  );
  targets.guard(directory);
  if (cache.isNew && mount.content) {
    await using content = await contentFor(mount.content, run);
    await placeDirectory(content, mount.format ?? '', directory, { targets, ...run });
    await content.verify();
  }
  run.log.info(`Successfully mounted writable directory cache '${directory}'`);
}
