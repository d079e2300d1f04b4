import { markLogged, TaskError } from '../../outcome.ts';
import { shortageOf } from '../../shortage.ts';
import { reasonNotFetched } from '../../stores/index.ts';
import { prefixed } from '../../task-log/prefixed.ts';
import type { TaskLog } from '../../task-log/task-log.ts';
import type { MountSpec, TaskSpec } from '../../task-spec.ts';
import type { ActiveFeature, Ending, RunHandle } from '../feature.ts';
import { cachesForContainer, type ContainerCaches } from './container-caches.ts';
import type { MountedCaches } from './held-caches.ts';
import { mountAll } from './mount-all.ts';
import type { MountStores } from './stores.ts';

/**
 * Mounts everything that one run asks for. At the end its caches are kept or discarded.
 *
 * @throws TaskError, an error of the system, or the reason of the run's signal
 */
export async function mountFor(
  run: RunHandle,
  wanted: readonly MountSpec[],
  stores: MountStores,
  rootUrl: string,
): Promise<ActiveFeature> {
  const { caches, binds } = await mounted(wanted, run, stores, rootUrl);
  return {
    container: { binds },
    finish: ending => keepCaches(caches, run.task, run.log, ending),
    [Symbol.asyncDispose]: () => caches[Symbol.asyncDispose](),
  };
}

async function mounted(
  wanted: readonly MountSpec[],
  run: RunHandle,
  { downloads, caches }: MountStores,
  rootUrl: string,
): Promise<ContainerCaches> {
  const { log, signal, home, task } = run;
  const mounting = {
    rootUrl,
    downloads,
    caches,
    signal,
    home: home.path,
    user: run.user,
    taskLog: log,
    log: prefixed(log, '[mounts]'),
    service: (until?: AbortSignal) => run.calls.service(until),
    beside: (name: string) => run.beside(name),
  };
  try {
    if (task.container) return await cachesForContainer(wanted, mounting);
    return { caches: await mountAll(wanted, mounting), binds: [] };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TaskError || shortageOf(error) !== undefined) throw error;
    // Any failure of a mount counts as the task's, such as a service that refuses or a path that is not
    // writable.
    const reason = reasonNotFetched(error) ?? systemMessage(error);
    if (reason === undefined) throw error;
    throw new TaskError('task-failed', `cannot mount what the task requests: ${reason}`, { cause: error });
  }
}

/** Gives the caches back in reverse order, because one may be inside another. */
async function keepCaches(
  { all }: MountedCaches,
  { exitCodes }: TaskSpec,
  log: TaskLog,
  { keepCaches: mayKeep, exitCode, logSignal }: Ending,
): Promise<void> {
  if (all.length === 0) return;
  const isPurged = exitCode !== undefined && exitCodes.purgeCaches.includes(exitCode);
  if (isPurged) {
    log.info(
      `[mounts] Purging caches since last command had exit code ${exitCode} which is listed in task.Payload.OnExitStatus.PurgeCaches array`,
    );
  }
  if (!mayKeep) {
    log.info(
      '[mounts] Purging caches since the task was aborted and may have left them in an inconsistent state',
    );
  }
  if (!mayKeep || isPurged) {
    for (const cache of all.toReversed()) await cache.discard();
    return;
  }
  const failures: unknown[] = [];
  for (const cache of all.toReversed()) {
    try {
      await cache.keep(logSignal);
    } catch (error) {
      log.error(`[mounts] Could not unmount cache ${cache.cacheName} due to: '${(error as Error).message}'`);
      markLogged(error);
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** Returns the message of a system error, such as a missing permission. */
function systemMessage(error: unknown): string | undefined {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  return code !== undefined && syscall !== undefined ? message : undefined;
}
