import { lchown, lstat, mkdir, realpath } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import type { TaskUser } from '../../engines/engine.ts';
import { isBelow } from '../../files/is-below.ts';
import { isCode } from '../../files/is-code.ts';
import { makeFolders } from '../../files/make-folders.ts';
import type { Owner } from '../../files/owner.ts';
import { TaskError } from '../../outcome.ts';

/**
 * The places of one run's mounts. Inside the run's folder, and inside what has been mounted anywhere, no link is followed: a
 * cache or an archive may hold links that lead the worker to write where the task may not. Outside of them a path counts as
 * it is, with the rights of the worker's user.
 */
export interface Targets {
  /** The absolute path of a target. */
  pathOf(path: string): string;
  /**
   * Makes a folder, and those that it lies in.
   *
   * @throws TaskError `task-failed` when a link or a file is in the way; Error of the system
   */
  makeFolder(path: string): Promise<void>;
  /** From now on no link in this folder is followed. */
  guard(folder: string): void;
}

/**
 * @param home the run's folder, absolute
 * @param user to whom folders are given that are made
 */
export async function targetsIn(home: string, user?: TaskUser): Promise<Targets> {
  const guarded = new Set([home, await realpath(home)]);
  return {
    pathOf: path => {
      const target = resolve(home, path);
      if (!user) return target;
      const place = user.hostPath(target);
      if (place === undefined) throw notForUser(target);
      if (place.within !== undefined) guarded.add(place.within);
      return place.path;
    },
    guard: folder => void guarded.add(folder),
    makeFolder: async path => {
      const outermost = [...guarded]
        .filter(folder => isBelow(path, folder))
        .sort((one, other) => one.length - other.length)[0];
      if (outermost === undefined) return makeFolders(path);
      let folder = outermost;
      for (const name of relative(outermost, path).split('/').filter(Boolean)) {
        folder = `${folder}/${name}`;
        await ownFolder(folder, path, user);
      }
    },
  };
}

async function ownFolder(folder: string, path: string, user: Owner | undefined): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
    if (user) await lchown(folder, user.uid, user.gid);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
    const found = await lstat(folder);
    if (found.isDirectory()) return;
    const what = found.isSymbolicLink() ? 'a link, which the worker does not follow' : 'not a directory';
    throw new TaskError('task-failed', `cannot mount anything in ${path} since ${folder} is ${what}`);
  }
}

function notForUser(target: string): TaskError {
  return new TaskError(
    'task-failed',
    `cannot mount anything at ${target}: the user of a task can have mounts only in its own folder, in /tmp and in /var/tmp`,
  );
}

/** @throws TaskError `task-failed` when a file cannot be put there */
export async function checkFileTarget(file: string): Promise<void> {
  let isDirectory = false;
  try {
    isDirectory = (await lstat(file)).isDirectory();
  } catch (error) {
    if (!isCode(error, 'ENOENT', 'ENOTDIR')) throw error;
  }
  if (isDirectory) {
    throw new TaskError(
      'task-failed',
      `cannot mount file at path ${file} since it already exists as a directory`,
    );
  }
}
