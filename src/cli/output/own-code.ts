import { getCompileCacheDir } from 'node:module';
import { delimiter, isAbsolute } from 'node:path';
import type { Logger } from './logger.ts';
import { isReplaceable } from './replaceable.ts';

/**
 * Keeps the worker from running code that its tasks have written. Removes folders that tasks can write from the search
 * path, and checks whether tasks can change the worker's own code. If tasks run as root too, they can change
 * everything, so nothing is removed and only a warning is logged.
 *
 * @param task the user that tasks run as
 * @returns a function that writes the findings to the log, to be called once the worker can work
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
      logger.info({ folders }, 'the worker uses no programs from folders that its tasks can write to');
    }
  };
}
