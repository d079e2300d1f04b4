import { readFile, realpath } from 'node:fs/promises';
import { isCode } from '../files/is-code.ts';

/**
 * Returns the mount points in or at a directory. A root task may have mounted something there, which would move
 * with the directory into the hands of later tasks.
 *
 * @returns paths as the system reports them; none on a platform that does not report them
 */
export async function mountsIn(directory: string): Promise<string[]> {
  try {
    const [real, table] = await Promise.all([
      realpath(directory, { encoding: 'buffer' }),
      readFile('/proc/self/mountinfo', 'latin1'),
    ]);
    const path = real.toString('latin1');
    return table
      .split('\n')
      .map(line => plain(line.split(' ')[4] ?? ''))
      .filter(point => point === path || point.startsWith(`${path}/`));
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return [];
    throw error;
  }
}

/** Spaces, tabs, line breaks and backslashes are written as octal numbers. */
function plain(word: string): string {
  return word.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
