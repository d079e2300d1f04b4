import { relative, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown, type Plugin } from 'rolldown';
import { licences } from './licences.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Packages that are not bundled, because they are large or seldom used. npm installs them, and they are loaded when
 * needed. The licence of openpgp differs and requires that users can replace the package.
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
 * Bundles the program into a few files, with the dependencies that `tcw run` loads at its start. Loading it from 800
 * small files makes the start 1.4 times as long. The usual remedy, a compile cache, would be writable by tasks.
 */
export async function bundle(folder: string): Promise<void> {
  const bundle = await rolldown({
    cwd: root,
    input: { main: `${root}src/cli/main.ts` },
    platform: 'node',
    external: id => NOT_BUNDLED.some(name => id === name || id.startsWith(`${name}/`)),
    // The ES modules of rxjs, of which unused ones can be removed. For Node, rolldown would choose the CommonJS
    // modules.
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
 * Gives each of our modules the `import.meta.url` that it would have unbundled, so that it finds its files.
 *
 * @param folder the folder of the bundle
 * @param dist the folder that replaces `src`
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

/** Lets the bundler see the CommonJS modules that our code loads late. */
const requireStatically: Plugin = {
  name: 'require-statically',
  transform: (code, id) =>
    id.startsWith(`${root}src/`) ? code.replace(/^ *const require = createRequire\(.*\);$/m, '') : undefined,
};
