import { lstatSync } from 'node:fs';
import type { RunFolder } from '../src/worker/files/run-folder.ts';

/** A folder, taken for the one that was made for a run. */
export function runFolderAt(path: string): RunFolder {
  const { dev, ino } = lstatSync(path, { bigint: true });
  return { path, dev, ino };
}
