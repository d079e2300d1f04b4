import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { keepPlaces } from './bundle.ts';
import { licences } from './licences.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The entries of `tcw-pulse`, by their file names in its `dist`. */
const ENTRIES = { pulse: 'pulse/index', testing: 'pulse/testing', exchanges: 'exchanges/index' };

/**
 * Builds the package `tcw-pulse` from `src/pulse` and `src/exchanges`: the code in a few files, which load faster than
 * 80 small ones, the declarations that its entries refer to, and the schemas of the messages.
 *
 * @param built `dist`, which contains the declarations
 * @param folder the package's own folder; the output of an earlier build there is removed
 */
export async function buildPulsePackage(built: string, folder: string): Promise<void> {
  for (const made of ['dist', 'schemas', 'LICENSE']) {
    rmSync(join(folder, made), { recursive: true, force: true });
  }
  await bundlePulse(join(folder, 'dist'));
  for (const file of declarations(built)) copy(join(built, file), join(folder, 'dist', file));
  for (const file of messageSchemas()) copy(join(root, 'schemas', file), join(folder, 'schemas', file));
  copy(join(root, 'LICENSE'), join(folder, 'LICENSE'));
}

/** Bundles the code of each entry. */
export async function bundlePulse(dist: string): Promise<void> {
  const bundle = await rolldown({
    cwd: root,
    input: Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [name, `${root}src/${path}.ts`])),
    platform: 'node',
    // npm installs the packages. This one has a few lines, and only error messages use it.
    external: id => /^[^./]/.test(id) && id !== 'fastest-levenshtein',
    treeshake: { moduleSideEffects: false },
    plugins: [keepPlaces(dist, dist)],
    onLog: (level, log) => {
      if (level === 'warn') throw new Error(log.message);
    },
  });
  await bundle.write({
    dir: dist,
    format: 'esm',
    chunkFileNames: 'shared-[hash].js',
    comments: false,
    footer: ({ moduleIds }) => licences(moduleIds),
  });
}

/** Returns the declarations that the entries refer to directly or indirectly, as paths in `dist`. */
function declarations(built: string): Set<string> {
  const found = new Set(Object.values(ENTRIES).map(path => `${path}.d.ts`));
  for (const file of found) {
    const code = readFileSync(join(built, file), 'utf8');
    for (const [, reference = ''] of code.matchAll(/(?:from |import\()["'](\.[^"']+)\.ts["']/g)) {
      const target = relative(built, join(built, dirname(file), `${reference}.d.ts`));
      found.add(target.split(sep).join('/'));
    }
  }
  return found;
}

/** Returns the schemas of all messages and the schemas that they refer to, as paths in `schemas`. */
function messageSchemas(): Set<string> {
  const generated = readdirSync(`${root}src/exchanges/generated`);
  const found = new Set(
    generated.flatMap(file => {
      const code = readFileSync(`${root}src/exchanges/generated/${file}`, 'utf8');
      return Array.from(code.matchAll(/^ *schema: '(.+)',$/gm), ([, path = '']) => path);
    }),
  );
  for (const path of found) {
    const text = readFileSync(`${root}schemas/${path}`, 'utf8');
    for (const [, reference = ''] of text.matchAll(/"\$ref": "([^"#]+)#?[^"]*"/g)) {
      found.add(new URL(reference, `file:///${path}`).pathname.slice(1));
    }
  }
  return found;
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to);
}
