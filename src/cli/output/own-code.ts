import { getCompileCacheDir } from 'node:module';
import { delimiter, isAbsolute } from 'node:path';
import type { Logger } from './logger.ts';
import { isReplaceable } from './replaceable.ts';

/**
 * Keeps the worker from running what its tasks have written: takes folders that they can write out of its search path, and
 * finds out whether they can change its own code. For root there is no such folder, unless its tasks are other users: they can
 * change everything.
 *
 * @param task as whom the tasks run
 * @returns how to tell the log, once the worker can work
 */
export function protectOwnCode(task: 'this-user' | 'another' = 'this-user'): (logger: Logger) => void {
  const uid = process.getuid?.();
  if (uid === undefined) return () => undefined;
  if (uid === 0 && task === 'this-user') {
    return logger => {
      logger.warn({}, 'tasks run as root and can change this machine: start the worker as another user');
    };
  }
  const code = [import.meta.filename, process.execPath, getCompileCacheDir() ?? ''].filter(
    file => file !== '' && isReplaceable(file, task),
  );
  const searched = (process.env.PATH ?? '').split(delimiter);
  const folders = searched.filter(folder => !isAbsolute(folder) || isReplaceable(folder, task));
  process.env.PATH = searched.filter(folder => !folders.includes(folder)).join(delimiter);
  return logger => {
    if (code.length > 0) {
      logger.warn(
        { code },
        'tasks can change the code of this worker: install tcw and Node.js as another user, such as root',
      );
    }
    if (folders.length > 0) {
      logger.info({ folders }, 'the worker uses no programs of folders that its tasks can write');
    }
  };
}
