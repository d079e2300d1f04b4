import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bin, cleanEnvironment } from '../cli/tcw.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

// Tasks of the native engine write whatever the worker's user can write. The worker must not run code from there.
let home: string;
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'tcw-attack-')));
});
afterEach(() => {
  rmSync(home, { recursive: true });
});

describe('a module that a task has put where Node looks for missing modules', () => {
  // Each way of loading, by our own code and by a dependency.
  const TRIES = `
    import { createRequire } from 'node:module';
    const tries = {
      import: () => import('planted'),
      require: () => createRequire(import.meta.url)('planted'),
      'require of a dependency': async () => (await import('dependency')).default(),
    };
    export async function main() {
      for (const [how, load] of Object.entries(tries)) {
        const result = await Promise.try(load).then(() => 'loaded', ({ code }) => code.replace('ERR_', ''));
        console.log(how + ': ' + result);
      }
      return 0;
    }`;

  it.each<[string, string]>([
    ['~/.node_modules', '.node_modules'],
    ['~/.node_libraries', '.node_libraries'],
    ['node_modules above', 'node_modules'],
  ])('%s: is not loaded', async (_, place) => {
    write(`${place}/planted/index.js`, 'console.log("PLANTED")');
    const installed = 'apps/project/node_modules';
    write(`${installed}/tcw/dist/cli/main.js`, TRIES);
    cpSync(bin, join(home, installed, 'tcw/bin/tcw.js'));
    cpSync(join(root, 'package.json'), join(home, installed, 'tcw/package.json'));
    write(`${installed}/dependency/index.js`, `module.exports = () => require('planted')`);
    const { stdout } = await tcw(join(home, installed, 'tcw/bin/tcw.js'));
    expect(stdout.split('\n')).toEqual([
      'import: MODULE_NOT_FOUND',
      'require: MODULE_NOT_FOUND',
      'require of a dependency: MODULE_NOT_FOUND',
    ]);
  });

  it('is loaded if whoever started tcw asked for it', async () => {
    write('.node_modules/planted/index.js', 'console.log("ASKED FOR")');
    write('preloaded.cjs', `require('planted')`);
    const { stdout } = await tcw(bin, ['--version'], {
      NODE_OPTIONS: `--require=${join(home, 'preloaded.cjs')}`,
    });
    expect(stdout).toMatch(/^ASKED FOR\n/);
  });
});

it.each([{}, { XDG_CACHE_HOME: 'cache' }, { NODE_COMPILE_CACHE: 'cache' }])(
  'tcw caches no compiled code: %j',
  async given => {
    const variables = Object.entries(given).map(([name, folder]) => [name, join(home, folder)]);
    await tcw(bin, ['run', '--help'], Object.fromEntries(variables) as Record<string, string>);
    expect(readdirSync(home)).toEqual([]);
  },
);

function write(name: string, text: string): void {
  const file = join(home, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Runs a tcw whose home is the folder that tasks write. */
function tcw(
  program: string,
  words: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
) {
  const env = { ...cleanEnvironment(), HOME: home, ...environment };
  return execa(program, words, { env, extendEnv: false });
}
