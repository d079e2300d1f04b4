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
 * Bundles the program as `npm run build` does, and copies `bin/tcw.js` beside it. A start from the sources takes three
 * times as much CPU time, because Node has to strip the types of about 500 files.
 *
 * A build is kept until its sources change, and for another day because another test run may be using it.
 *
 * @returns the path of the build's `bin/tcw.js`
 */
export async function buildProgram(): Promise<string> {
  const built = join(builds, digest());
  const program = join(built, 'bin/tcw.js');
  if (globSync(program).length > 0) return program;
  mkdirSync(builds, { recursive: true });
  // Under a unique name until it is complete, because another test run may be making the same build.
  const folder = mkdtempSync(join(builds, 'new-'));
  // Some tests run the program as another user.
  chmodSync(folder, 0o755);
  try {
    await bundle(join(folder, 'dist/cli'));
    // The bundle looks for the programs of other processes and threads beside itself.
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
