// Makes a fresh clone ready: installs what the lock file names, once, and says so when the scripts will not
// run on the pinned Node. Plain JavaScript without dependencies: it is the first thing to run, on any Node.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stampFile = `${root}node_modules/.tcw-installed`;

const { optionalDependencies } = JSON.parse(readFileSync(`${root}tools/node/package.json`, 'utf8'));

// An unguarded `npm ci` would reinstall everything at each start, also under a tcw that is running.
const wanted = createHash('sha256')
  .update(readFileSync(`${root}package-lock.json`))
  .digest('hex');
const installed = existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : undefined;

if (installed !== wanted) {
  console.error('tcw: installing dependencies (npm ci) …');
  // No package needs its install scripts, and what they fetch would be in no lock file.
  const words = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status } = spawnSync('npm', words, {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    console.error('tcw: npm ci failed; the lines above say why.');
    process.exit(1);
  }
  for (const name of Object.keys(optionalDependencies)) link(`${name}/bin/node`);
  writeFileSync(stampFile, wanted);
}

// npm falls back silently where there is no Node for this machine, or where optional dependencies are switched off.
const [pinned] = Object.values(optionalDependencies);
const { stdout } = spawnSync(`${root}node_modules/.bin/node`, ['--version'], { encoding: 'utf8' });
if (stdout?.trim() !== `v${pinned}`) {
  console.error(
    `tcw: the pinned Node ${pinned} is not in node_modules (tools/node/package.json has none for this platform, or npm ` +
      `omits optional dependencies); scripts run on this machine's Node ${process.versions.node}.`,
  );
}

/** npm 10 removes the link with those to the packages of other platforms. */
function link(program) {
  const [file, bin] = [`${root}node_modules/${program}`, `${root}node_modules/.bin/node`];
  if (!existsSync(file) || existsSync(bin)) return;
  chmodSync(file, 0o755);
  symlinkSync(`../${program}`, bin);
}
