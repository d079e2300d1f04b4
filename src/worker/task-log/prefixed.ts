import type { TaskLog } from './task-log.ts';

/** Returns a log that adds a prefix such as `[mounts] ` to its lines, as generic-worker's features do. */
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
