// Prepares a fresh clone: installs the packages of the lock file once, and warns if the scripts do not run on the
// pinned Node. This is plain JavaScript without dependencies, because it runs first and on any Node.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { clearInterval, setInterval } from 'node:timers';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stampFile = `${root}node_modules/.tcw-installed`;

const { optionalDependencies } = JSON.parse(readFileSync(`${root}tools/node/package.json`, 'utf8'));

// Without this check, `npm ci` would reinstall everything at each start, even while tcw is running.
const lockFile = readFileSync(`${root}package-lock.json`, 'utf8');
const wanted = createHash('sha256').update(lockFile).digest('hex');
const installed = existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : undefined;

if (installed !== wanted) {
  const status = await install(Object.keys(JSON.parse(lockFile).packages).length);
  if (status !== 0) {
    console.error('tcw: npm ci failed; the lines above say why.');
    process.exit(1);
  }
  for (const name of Object.keys(optionalDependencies)) link(`${name}/bin/node`);
  writeFileSync(stampFile, wanted);
}

// npm silently skips the pinned Node if there is none for this machine or optional dependencies are switched off.
const [pinned] = Object.values(optionalDependencies);
const { stdout } = spawnSync(`${root}node_modules/.bin/node`, ['--version'], { encoding: 'utf8' });
if (stdout?.trim() !== `v${pinned}`) {
  console.error(
    `tcw: the pinned Node ${pinned} is not in node_modules (tools/node/package.json has none for this platform, or npm ` +
      `omits optional dependencies); scripts run on this machine's Node ${process.versions.node}.`,
  );
}

/**
 * Runs `npm ci` and shows its progress: in one changing line on a terminal, otherwise in a new line every 10 s.
 *
 * @param total the number of packages in the lock file, for all platforms
 */
async function install(total) {
  console.error(
    `tcw: installing at most ${total} packages, with two downloads each (npm ci): about a minute, once`,
  );
  // No package needs its install scripts, and the lock file does not cover what they download. At the log level http,
  // npm names each download: first the metadata of a package, then its archive.
  const words = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--no-progress', '--loglevel=http'];
  const npm = spawn('npm', words, {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    shell: process.platform === 'win32',
  });
  const began = Date.now();
  const fetched = new Set();
  const isTerminal = process.stderr.isTTY === true;
  const show = () => {
    const seconds = Math.round((Date.now() - began) / 1000);
    const line = `tcw: ${fetched.size} downloads, ${seconds} s`;
    process.stderr.write(isTerminal ? `\r${line}` : `${line}\n`);
  };
  const timer = setInterval(show, isTerminal ? 500 : 10_000);
  createInterface({ input: npm.stderr }).on('line', line => {
    const [, url] = /^npm http (?:fetch|cache) (?:GET \d+ )?(\S+)/.exec(line) ?? [];
    if (url !== undefined) fetched.add(url);
    else if (!/^npm (http|info|verbose|notice|warn)/.test(line))
      process.stderr.write(`${isTerminal ? '\n' : ''}${line}\n`);
  });
  const status = await new Promise(resolve => {
    npm.on('error', error => {
      console.error(`tcw: npm cannot be started: ${error.message}`);
      resolve(1);
    });
    npm.on('close', resolve);
  });
  clearInterval(timer);
  show();
  if (isTerminal) process.stderr.write('\n');
  return status;
}

/** npm 10 removes this link together with the links to packages of other platforms. */
function link(program) {
  const [file, bin] = [`${root}node_modules/${program}`, `${root}node_modules/.bin/node`];
  if (!existsSync(file) || existsSync(bin)) return;
  chmodSync(file, 0o755);
  symlinkSync(`../${program}`, bin);
}
