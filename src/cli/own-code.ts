import { getCompileCacheDir } from 'node:module';
import { delimiter, isAbsolute } from 'node:path';
import type { Logger } from './logger.ts';
import { isReplaceable } from './replaceable.ts';

/**
 * Keeps the worker from running what its tasks have written: says when they can change its own code, and takes folders that
 * they can write out of its search path. For root there is no such folder: its tasks can change everything.
 */
export function protectOwnCode(logger: Logger): void {
  if (process.getuid === undefined || process.getuid() === 0) return;
  const code = [import.meta.filename, process.execPath, getCompileCacheDir() ?? ''].filter(
    file => file !== '' && isReplaceable(file),
  );
  if (code.length > 0) {
    logger.warn(
      { code },
      'tasks can change the code of this worker: install tcw and Node.js as another user, such as root',
    );
  }
  const folders = (process.env.PATH ?? '').split(delimiter);
  const unsafe = folders.filter(folder => !isAbsolute(folder) || isReplaceable(folder));
  if (unsafe.length === 0) return;
  process.env.PATH = folders.filter(folder => !unsafe.includes(folder)).join(delimiter);
  logger.info({ folders: unsafe }, 'the worker uses no programs of folders that its tasks can write');
}
