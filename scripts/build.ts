// `npm run build`: dist, from nothing, and a look whether it holds what package.json promises.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildDist } from './build/dist.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const { exports, bin } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
  exports: Record<string, string | Record<string, string>>;
  bin: Record<string, string>;
};

rmSync(`${root}dist`, { recursive: true, force: true });
const built = await buildDist(`${root}dist`);

const promised = Object.values({ ...exports, ...bin }).flatMap(target =>
  typeof target === 'string' ? [target] : Object.values(target),
);
const missing = promised.filter(target => !existsSync(`${root}${target}`));
for (const target of missing) console.error(`package.json promises ${target}, and it was not built`);
process.exitCode = built && missing.length === 0 ? 0 : 1;
