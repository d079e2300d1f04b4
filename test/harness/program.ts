import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/build/bundle.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const builds = join(root, 'node_modules/.cache/tcw');
const DAY_MS = 86_400_000;

/**
 * Bundles the program as `npm run build` does, and puts `bin/tcw.js` beside it. From the sources, each start takes three
 * times as much of the processor: Node has to strip the types of some 500 files.
 *
 * A build is kept until its sources change, and for a day after that: another run may be using it.
 *
 * @returns the path of its `bin/tcw.js`
 */
export async function buildProgram(): Promise<string> {
  const built = join(builds, digest());
  const program = join(built, 'bin/tcw.js');
  if (globSync(program).length > 0) return program;
  mkdirSync(builds, { recursive: true });
  // Under a name of its own until it is complete: another run of the tests may be building the same.
  const folder = mkdtempSync(join(builds, 'new-'));
  // Some tests run it as another user.
  chmodSync(folder, 0o755);
  try {
    await bundle(join(folder, 'dist/cli'));
    // The programs of other processes and threads are looked for beside what was bundled.
    symlinkSync(join(root, 'src/worker'), join(folder, 'dist/worker'));
    symlinkSync(join(root, 'schemas'), join(folder, 'schemas'));
    for (const name of ['bin', 'package.json'])
      cpSync(join(root, name), join(folder, name), { recursive: true });
    renameSync(folder, built);
    removeOld();
  } catch (error) {
    if (globSync(program).length === 0) throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return program;
}

function removeOld(): void {
  for (const name of readdirSync(builds)) {
    const build = join(builds, name);
    if (Date.now() - statSync(build).mtimeMs > DAY_MS) rmSync(build, { recursive: true, force: true });
  }
}

/** Identifies the sources of a build. */
function digest(): string {
  const hash = createHash('sha256');
  const files = globSync(['bin/*', 'package*.json', 'scripts/build/*', 'src/**/*.ts'], { cwd: root });
  for (const file of files.toSorted()) hash.update(`${file}\0`).update(readFileSync(join(root, file)));
  return hash.digest('hex').slice(0, 16);
}
