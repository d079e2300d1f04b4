import { execa } from 'execa';
import { cp, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** What the published package has beside what is built. */
const AS_IT_IS = ['bin', 'schemas', 'package.json'];

/**
 * Builds tcw as it is published, with this checkout's dependencies: users run that, and not the TypeScript.
 *
 * @returns the program to start with Node
 */
export async function installTcw(folder: string): Promise<string> {
  const installed = join(folder, 'installed');
  await mkdir(installed);
  await execa('tsc', ['-p', 'tsconfig.build.json', '--outDir', join(installed, 'dist')], {
    cwd: root,
    preferLocal: true,
    localDir: root,
  });
  for (const name of AS_IT_IS) await cp(join(root, name), join(installed, name), { recursive: true });
  await symlink(join(root, 'node_modules'), join(installed, 'node_modules'));
  return join(installed, 'bin', 'tcw.js');
}
