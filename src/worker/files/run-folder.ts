import { lstat, mkdir, realpath } from 'node:fs/promises';
import { removeFolder } from './remove-folder.ts';

/** A run's folder, known by more than its name: a task may put another, or a link, in its place. */
export interface RunFolder {
  /** Absolute. */
  readonly path: string;
  readonly dev: bigint;
  readonly ino: bigint;
}

/** Makes a run's folder, which is new and empty. */
export async function makeRunFolder(path: string): Promise<RunFolder> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // An earlier life of this worker left something behind under the same name.
    await removeFolder(path);
    await mkdir(path, { mode: 0o700 });
  }
  const { dev, ino } = await lstat(path, { bigint: true });
  return { path, dev, ino };
}

/** Where a run's folder really is; undefined where something else has taken its place. */
export async function realRunFolder({ path, dev, ino }: RunFolder): Promise<string | undefined> {
  const real = await realpath(path);
  const found = await lstat(real, { bigint: true });
  return found.dev === dev && found.ino === ino ? real : undefined;
}
