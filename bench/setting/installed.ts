import { cp, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildDist } from '../../scripts/build/dist.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** The files of the published package that are not built. */
const AS_IT_IS = ['bin', 'schemas', 'package.json'];

/**
 * Builds tcw as it is published, with this checkout's dependencies, because users run the built program and not the
 * TypeScript.
 *
 * @returns the program
 */
export async function installTcw(folder: string): Promise<string> {
  const installed = join(folder, 'node_modules', 'tcw');
  await mkdir(installed, { recursive: true });
  if (!(await buildDist(join(installed, 'dist')))) throw new Error('tcw could not be built');
  for (const name of AS_IT_IS) await cp(join(root, name), join(installed, name), { recursive: true });
  await symlink(join(root, 'node_modules'), join(installed, 'node_modules'));
  return join(installed, 'bin', 'tcw.js');
}
