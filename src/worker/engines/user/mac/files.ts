import type { FileHandle } from 'node:fs/promises';
import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { hostFiles } from '../../../files/host-files.ts';
import { isBelow } from '../../../files/is-below.ts';
import type { TaskFiles } from '../../../files/task-files.ts';

const READABLE_BY_ALL = 0o004;

/**
 * The files of a run whose user is not the worker's. The worker is root, so links, including hard links, could lead it
 * to other users' files. It therefore opens only files in the run's folder that the run's user owns or everybody may
 * read.
 *
 * The run's processes must be dead. Otherwise they could exchange a file between the check of its path and its opening.
 */
export function macFiles(home: string, uid: number): TaskFiles {
  const files = hostFiles(home);
  const isInside = async (path: string) =>
    isBelow(await realpath(path).catch(() => resolve(path)), await realpath(home));
  return {
    open: async path => {
      const opened = await files.open(path);
      if (opened.kind !== 'file') return opened;
      const handle = opened.source as FileHandle;
      const found = await handle.stat();
      const mayRead = found.uid === uid || (found.mode & READABLE_BY_ALL) !== 0;
      if (mayRead && (await isInside(opened.file))) return opened;
      await handle.close();
      return mayRead
        ? { kind: 'outside' }
        : {
            kind: 'unreadable',
            error: Object.assign(new Error(`permission denied: ${path}`), { code: 'EACCES' }),
          };
    },
    walk: async function* walk(path) {
      const folder = resolve(home, path);
      if (await isInside(folder)) yield* files.walk(folder);
      else yield folder;
    },
  };
}
