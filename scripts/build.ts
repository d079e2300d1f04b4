// `npm run build`: dist, from nothing, and a look whether it holds what package.json promises.
import { execa } from 'execa';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { exports, bin } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
  exports: Record<string, string | Record<string, string>>;
  bin: Record<string, string>;
};

rmSync(`${root}dist`, { recursive: true, force: true });
const { exitCode } = await execa('tsc', ['-p', 'tsconfig.build.json'], {
  cwd: root,
  preferLocal: true,
  localDir: root,
  stdio: 'inherit',
  reject: false,
});

const promised = Object.values({ ...exports, ...bin }).flatMap(target =>
  typeof target === 'string' ? [target] : Object.values(target),
);
const missing = promised.filter(target => !existsSync(`${root}${target}`));
for (const target of missing) console.error(`package.json promises ${target}, and it was not built`);
process.exitCode = exitCode === 0 && missing.length === 0 ? 0 : 1;
