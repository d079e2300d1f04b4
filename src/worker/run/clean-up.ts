import {
  concatMap,
  defer,
  EMPTY,
  exhaustMap,
  filter,
  interval,
  merge,
  take,
  takeUntil,
  type Observable,
} from 'rxjs';
import { removeFolder } from '../files/remove-folder.ts';
import { removeRunFolder } from '../files/run-folder.ts';
import type { ActiveRun } from './active-run.ts';

/** Interval between attempts to end processes that could not be ended, in ms. */
const AGAIN_MS = 60_000;

/** Ends and removes the rest of a run: processes, folder, log. Never errors. */
export function cleanUp(run: ActiveRun): Observable<unknown> {
  return defer(() => cleanedUp(run));
}

/**
 * Keeps trying to end the remaining processes of a finished run, and then cleans up. Completes when they are
 * gone, or when the worker exits. In that case, the next start of a worker cleans up.
 */
export function untilGone(run: ActiveRun): Observable<unknown> {
  const { worker, claim } = run;
  return merge(interval(AGAIN_MS), worker.engineBack$ ?? EMPTY).pipe(
    exhaustMap(() => run.endProcesses()),
    filter(() => run.processesLeft === undefined),
    take(1),
    concatMap(() => {
      worker.emit({ type: 'processes-gone', claim });
      return cleanedUp(run);
    }),
    takeUntil(worker.draining$),
  );
}

async function cleanedUp(run: ActiveRun): Promise<void> {
  const { log, folder, home, worker, claim } = run;
  const part = async (what: string, work: () => Promise<unknown> | undefined) => {
    try {
      await work();
      return true;
    } catch (err) {
      worker.emit({ type: 'clean-up-failed', claim, what, err });
      return false;
    }
  };
  // Processes that have just resisted are not tried again at once.
  if (!run.processesLeft) await run.endProcesses();
  const left = run.processesLeft;
  if (left) worker.emit({ type: 'processes-left', claim, reason: left.message });
  // Only now are the networks and directories of features no longer in use.
  const removedSandbox = await part('remove the sandbox', () => run.sandbox?.remove?.());
  await part("close the task's log", () => log?.end());
  for (const { name, err } of await run.features.dispose())
    worker.emit({ type: 'clean-up-failed', claim, what: `end feature ${name}`, err });
  // The user id is not reused while processes of that user may be alive.
  const isUserGone =
    left !== undefined ||
    (await part("remove the task's user", async () => run.user?.[Symbol.asyncDispose]()));
  const removed = await Promise.all([
    ...Array.from(run.temporary, path => part(`remove ${path}`, () => removeFolder(path))),
    part("remove the task's log", () => log?.remove()),
    part("remove the run's folder", () => {
      if (!worker.config.cleanUpTaskDirs) return undefined;
      return home ? removeRunFolder(home) : removeFolder(folder);
    }),
  ]);
  // The next start of a worker removes the rest.
  if (!left && removedSandbox && isUserGone && removed.every(Boolean)) run.entry?.end();
}
