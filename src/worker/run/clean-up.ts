import { chmod, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { defer, from, type Observable } from 'rxjs';
import type { ActiveRun } from './active-run.ts';

/** Ends what is left of a run and removes it: processes, folder, log. Only then is its slot free. Never errors. */
export function cleanUp(run: ActiveRun): Observable<unknown> {
  return defer(() => from(cleanedUp(run)));
}

async function cleanedUp(run: ActiveRun): Promise<void> {
  const { sandbox, log, folder, worker, claim } = run;
  const part = async (what: string, work: () => Promise<unknown> | undefined) => {
    try {
      await work();
    } catch (err) {
      worker.logger.error({ taskId: claim.taskId, runId: claim.runId, err }, `could not ${what}`);
    }
  };
  await part('end all processes of the run', () => sandbox?.close());
  await part("close the task's log", () => log?.end());
  await part("remove the task's log", () => log?.remove());
  if (worker.config.cleanUpTaskDirs) await part("remove the run's folder", () => removeFolder(folder));
  run.dispatch({ type: 'end' });
}

/** A task may have taken away its own right to write into a folder, and with it ours. */
async function removeFolder(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch {
    await makeWritable(folder);
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeWritable(folder: string): Promise<void> {
  await chmod(folder, 0o700);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(folder, entry.name));
  }
}
