import { defer, from, type Observable } from 'rxjs';
import { removeFolder } from '../files/remove-folder.ts';
import type { ActiveRun } from './active-run.ts';

/** Ends what is left of a run and removes it: processes, folder, log. Never errors. */
export function cleanUp(run: ActiveRun): Observable<unknown> {
  return defer(() => from(cleanedUp(run)));
}

async function cleanedUp(run: ActiveRun): Promise<void> {
  const { sandbox, log, folder, worker, claim } = run;
  const part = async (what: string, work: () => Promise<unknown> | undefined) => {
    try {
      await work();
      return true;
    } catch (err) {
      worker.tell({ type: 'clean-up-failed', claim, what, err });
      return false;
    }
  };
  const ended = await part('end all processes of the run', () => sandbox?.close());
  await part("close the task's log", () => log?.end());
  const removed = await Promise.all([
    part("remove the task's log", () => log?.remove()),
    part("remove the run's folder", () => (worker.config.cleanUpTaskDirs ? removeFolder(folder) : undefined)),
  ]);
  // What could not be removed is left to the next start of a worker.
  if (ended && removed.every(Boolean)) run.entry?.end();
}
