// Makes a fresh clone ready: installs what the lock file names, once, and says so when the scripts will not
// run on the pinned Node. Plain JavaScript without dependencies: it is the first thing to run, on any Node.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stampFile = `${root}node_modules/.tcw-installed`;
const pinned = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).devDependencies.node;

// An unguarded `npm ci` would reinstall everything at each start, also under a tcw that is running.
const wanted = createHash('sha256')
  .update(readFileSync(`${root}package-lock.json`))
  .digest('hex');
const installed = existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : undefined;

if (installed !== wanted) {
  console.error('tcw: installing dependencies (npm ci) …');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    console.error('tcw: npm ci failed; the lines above say why.');
    process.exit(1);
  }
  writeFileSync(stampFile, wanted);
}

// With install scripts switched off, the pinned Node is never put in place and npm falls back silently.
const { stdout } = spawnSync(`${root}node_modules/.bin/node`, ['--version'], { encoding: 'utf8' });
if (stdout?.trim() !== `v${pinned}`) {
  console.error(
    `tcw: the pinned Node ${pinned} is not in node_modules (are npm's install scripts off?); ` +
      `scripts run on this machine's Node ${process.versions.node}.`,
  );
}
