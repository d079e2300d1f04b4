import { statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Returns the innermost folder on the way to a file that other users cannot pass through; undefined if there is none. */
export function closedFolder(file: string): string | undefined {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}
