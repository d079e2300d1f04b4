import { readOwnFile, replaceOwnFile } from '../files/own-file.ts';
import { removeFolder } from '../files/remove-folder.ts';
import type { GeneralConfig } from '../properties/index.ts';

/** Counts the tasks towards `numberOfTasksToRun`, across restarts of the worker and of its machine. */
export interface TasksDone {
  /** Number of tasks left to run; 0 means no limit, as in the configuration. Undefined when all are done. */
  readonly remaining: number | undefined;
  /** Counts one more finished task. Never rejects. */
  count(): Promise<void>;
  /** Resets the count after the last task, so that the next start begins anew. Never rejects. */
  forget(): Promise<void>;
}

/** Longer than any count. */
const LONGEST = 16;

const NO_END: TasksDone = {
  remaining: 0,
  count: () => Promise.resolve(),
  forget: () => Promise.resolve(),
};

/**
 * Reads the count of earlier starts from a file in the tasks folder. Tasks that run as the same user can write
 * to it, and so make the count wrong, but cannot keep the worker from working.
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
          // A task may have put a folder in its place.
          await removeFolder(file);
          replaceOwnFile(file, String(done));
        }
      });
    },
    forget: () => trying(() => removeFolder(file)),
  };
}

/** A text that is not a number was not written by a worker. It counts as 0, as in generic-worker. */
function readCount(file: string): number {
  const text = readOwnFile(file, LONGEST) ?? '';
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}
