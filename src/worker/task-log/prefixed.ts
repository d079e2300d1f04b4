import type { TaskLog } from './task-log.ts';

/** What is said here has a prefix in the task's log, `[mounts] `, as generic-worker's features have theirs. */
export function prefixed(
  log: Pick<TaskLog, 'info' | 'warn' | 'error'>,
  prefix: string,
): Pick<TaskLog, 'info' | 'warn' | 'error'> {
  return {
    info: message => {
      log.info(`${prefix} ${message}`);
    },
    warn: message => {
      log.warn(`${prefix} ${message}`);
    },
    error: message => {
      log.error(`${prefix} ${message}`);
    },
  };
}
