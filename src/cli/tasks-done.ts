import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { WorkerConfig } from '../worker/index.ts';
import type { Logger } from './logger.ts';

/** How many of `numberOfTasksToRun` are done. A worker may be restarted between two tasks, or its machine rebooted. */
export interface TasksDone {
  /** How many more to run, the configuration's 0 for no end. Undefined when all are done. */
  readonly remaining: number | undefined;
  /** One more is done. */
  count(): void;
  /** All are done: the next start begins anew. */
  forget(): void;
}

const NO_END: TasksDone = { remaining: 0, count: () => undefined, forget: () => undefined };

/** Reads how many tasks earlier lives of this worker did, from a file in its tasksDir. */
export function tasksDone(config: WorkerConfig, logger: Logger): TasksDone {
  const { numberOfTasksToRun, tasksDir, workerGroup, workerId } = config;
  if (numberOfTasksToRun === 0) return NO_END;
  const file = `${tasksDir}/.tcw-tasks-done.${workerGroup}.${workerId}`;
  let done = readCount(file);
  return {
    remaining: done < numberOfTasksToRun ? numberOfTasksToRun - done : undefined,
    count: () => {
      done++;
      try {
        // Renamed, so that a sudden death leaves one number or the other.
        writeFileSync(`${file}.new`, String(done), { mode: 0o600 });
        renameSync(`${file}.new`, file);
      } catch (err) {
        logger.warn({ err }, 'could not write down how many tasks are done');
      }
    },
    forget: () => {
      rmSync(file, { force: true });
    },
  };
}

/** What is no number was not written by a worker, and counts as nothing, as generic-worker has it. */
function readCount(file: string): number {
  try {
    const text = readFileSync(file, 'utf8');
    return /^\d{1,9}$/.test(text) ? Number(text) : 0;
  } catch {
    return 0;
  }
}
