import { concatMap, defer, exhaustMap, filter, from, interval, take, takeUntil, type Observable } from 'rxjs';
import { removeFolder } from '../files/remove-folder.ts';
import { removeRunFolder } from '../files/run-folder.ts';
import type { ActiveRun } from './active-run.ts';

/** How often processes that could not be ended are tried again, in ms. */
const AGAIN_MS = 60_000;

/** Ends what is left of a run and removes it: processes, folder, log. Never errors. */
export function cleanUp(run: ActiveRun): Observable<unknown> {
  return defer(() => from(cleanedUp(run)));
}

/**
 * Tries again and again to end the processes that are left of a run that is over, and cleans up after them. Completes when they
 * are gone, or when the worker goes: the next start of a worker finds what is left then.
 */
export function untilGone(run: ActiveRun): Observable<unknown> {
  const { worker, claim } = run;
  return interval(AGAIN_MS).pipe(
    exhaustMap(() => run.endProcesses()),
    filter(() => run.processesLeft === undefined),
    take(1),
    concatMap(() => {
      worker.tell({ type: 'processes-gone', claim });
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
      worker.tell({ type: 'clean-up-failed', claim, what, err });
      return false;
    }
  };
  // What has just been tried in vain is not tried again at once.
  if (!run.processesLeft) await run.endProcesses();
  const left = run.processesLeft;
  if (left) worker.tell({ type: 'processes-left', claim, reason: left.message });
  await part("close the task's log", () => log?.end());
  const removed = await Promise.all([
    part("remove the task's log", () => log?.remove()),
    part("remove the run's folder", () => {
      if (!worker.config.cleanUpTaskDirs) return undefined;
      return home ? removeRunFolder(home) : removeFolder(folder);
    }),
  ]);
  // What could not be removed is left to the next start of a worker.
  if (!left && removed.every(Boolean)) run.entry?.end();
}
