import { execa } from 'execa';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Builds what is published: the libraries, a file for each module, and the program, bundled.
 *
 * @param folder `dist`, which lies beside `schemas` and `package.json`
 * @returns whether the compiler found nothing wrong; it has said what
 */
export async function buildDist(folder: string): Promise<boolean> {
  const { exitCode } = await execa('tsc', ['-p', 'tsconfig.build.json', '--outDir', folder], {
    cwd: root,
    preferLocal: true,
    localDir: root,
    stdio: 'inherit',
    reject: false,
  });
  await bundle(join(folder, 'cli'));
  return exitCode === 0;
}
