import { execa } from 'execa';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Builds the published files: the libraries with a file for each module, and the bundled program.
 *
 * @param folder `dist`, next to `schemas` and `package.json`
 * @returns whether the compiler found no errors; it has printed any errors itself
 */
export async function buildDist(folder: string): Promise<boolean> {
  const { exitCode } = await execa('tsc', ['-p', 'tsconfig.build.json', '--outDir', folder], {
    cwd: root,
    preferLocal: true,
    localDir: root,
    stdio: 'inherit',
    reject: false,
  });
  rewriteDynamicImports(folder);
  await bundle(join(folder, 'cli'));
  return exitCode === 0;
}

/** TypeScript 6.0 rewrites the `.ts` of imports, but not in an async function that has `await using`. */
function rewriteDynamicImports(folder: string): void {
  for (const file of globSync('**/*.js', { cwd: folder })) {
    const code = readFileSync(join(folder, file), 'utf8');
    const rewritten = code.replaceAll(/\bimport\('(\.[^']+)\.ts'\)/g, "import('$1.js')");
    if (rewritten !== code) writeFileSync(join(folder, file), rewritten);
  }
}
