import { relative, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown, type Plugin } from 'rolldown';
import { licences } from './licences.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Seldom used, or large: these stay where npm installs them, and are loaded when they are needed. openpgp has another licence,
 * which asks that it can be replaced.
 */
const NOT_BUNDLED = [
  '@lydell/node-pty',
  'execa',
  'fastify',
  'json-e',
  'openpgp',
  'pino-pretty',
  'prom-client',
  'taskcluster-client',
  'undici',
  'ws',
  'yaml',
];

/**
 * Writes the program into a few files, with the dependencies that `tcw run` loads when it starts. Read from 800 small
 * files, it takes 1.4 times as long to start; the usual remedy, a cache of compiled code, would be one that tasks can write.
 */
export async function bundle(folder: string): Promise<void> {
  const bundle = await rolldown({
    cwd: root,
    input: { main: `${root}src/cli/main.ts` },
    platform: 'node',
    external: id => NOT_BUNDLED.some(name => id === name || id.startsWith(`${name}/`)),
    // The modules that can be left out where nothing uses them. Node would be given CommonJS.
    resolve: { alias: { rxjs: `${root}node_modules/rxjs/dist/esm/index.js` } },
    plugins: [keepPlaces(folder, dirname(folder)), requireStatically],
    onLog: (level, log) => {
      if (level === 'warn') throw new Error(log.message);
    },
  });
  await bundle.write({
    dir: folder,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    comments: false,
    footer: ({ moduleIds }) => licences(moduleIds),
  });
}

/**
 * Gives each of our modules the address that it would have unbundled, from which it finds its files.
 *
 * @param folder where the bundle lies
 * @param dist what stands in for `src`
 */
export function keepPlaces(folder: string, dist: string): Plugin {
  return {
    name: 'keep-places',
    transform: (code, id) => {
      if (!id.startsWith(`${root}src/`) || !code.includes('import.meta.url')) return undefined;
      const place = relative(folder, `${dist}/${relative(`${root}src`, id)}`);
      return code.replaceAll('import.meta.url', `new URL(${JSON.stringify(place)}, import.meta.url).href`);
    },
  };
}

/** Where our code loads a CommonJS module late, the bundler sees which. */
const requireStatically: Plugin = {
  name: 'require-statically',
  transform: (code, id) =>
    id.startsWith(`${root}src/`) ? code.replace(/^ *const require = createRequire\(.*\);$/m, '') : undefined,
};
