import { readOwnFile, replaceOwnFile } from '../files/own-file.ts';
import { removeFolder } from '../files/remove-folder.ts';
import type { GeneralConfig } from '../properties/index.ts';

/** How many of `numberOfTasksToRun` are done. A worker may be restarted between two tasks, or its machine rebooted. */
export interface TasksDone {
  /** How many more to run, the configuration's 0 for no end. Undefined when all are done. */
  readonly remaining: number | undefined;
  /** One more is done. Never rejects. */
  count(): Promise<void>;
  /** All are done: the next start begins anew. Never rejects. */
  forget(): Promise<void>;
}

/** More characters than a count has. */
const LONGEST = 16;

const NO_END: TasksDone = {
  remaining: 0,
  count: () => Promise.resolve(),
  forget: () => Promise.resolve(),
};

/**
 * Reads how many tasks earlier lives of this worker did, from a file in its tasksDir. Tasks can write there, as the same user,
 * and so make a worker count wrong; but not keep it from working.
 */
export function tasksDone(config: GeneralConfig, onProblem: (err: unknown) => void): TasksDone {
  const { numberOfTasksToRun, tasksDir, workerGroup, workerId } = config;
  if (numberOfTasksToRun === 0) return NO_END;
  const file = `${tasksDir}/.tcw-tasks-done.${workerGroup}.${workerId}`;
  let done = readCount(file);
  const trying = async (act: () => Promise<void>) => {
    try {
      await act();
    } catch (err) {
      onProblem(err);
    }
  };
  return {
    remaining: done < numberOfTasksToRun ? numberOfTasksToRun - done : undefined,
    count: async () => {
      done++;
      await trying(async () => {
        try {
          replaceOwnFile(file, String(done));
        } catch {
          // A task may have put a folder there.
          await removeFolder(file);
          replaceOwnFile(file, String(done));
        }
      });
    },
    forget: () => trying(() => removeFolder(file)),
  };
}

/** What is no number was not written by a worker, and counts as nothing, as generic-worker has it. */
function readCount(file: string): number {
  const text = readOwnFile(file, LONGEST) ?? '';
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}
