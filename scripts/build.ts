// `npm run build`: builds the published packages tcw and tcw-pulse, and checks that each contains the files that its
// package.json names.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildDist } from './build/dist.ts';
import { buildPulsePackage } from './build/pulse-package.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const pulsePackage = `${root}packages/pulse/`;

rmSync(`${root}dist`, { recursive: true, force: true });
const compiled = await buildDist(`${root}dist`);
await buildPulsePackage(`${root}dist`, pulsePackage);

const missing = [...missingFrom(root), ...missingFrom(pulsePackage)];
for (const target of missing) console.error(`package.json promises ${target}, but the build did not make it`);
process.exitCode = compiled && missing.length === 0 ? 0 : 1;

/** Returns the missing files among those that a package.json names as entries and programs. */
function missingFrom(folder: string): string[] {
  const { exports, bin } = JSON.parse(readFileSync(`${folder}package.json`, 'utf8')) as {
    exports: Record<string, string | Record<string, string>>;
    bin?: Record<string, string>;
  };
  return Object.values({ ...exports, ...bin })
    .flatMap(target => (typeof target === 'string' ? [target] : Object.values(target)))
    .map(target => folder + target)
    .filter(target => !existsSync(target));
}
