#!/usr/bin/env sh
':' //; trap '' USR1 # Until Node runs, this signal would end it.
':' //; TCW_STARTED_LIMITS="nofile=$(ulimit -Sn) core=$(ulimit -Sc)"; export TCW_STARTED_LIMITS
':' //; ulimit -Sc 0 # A core dump would hold tokens.
':' //; unset NODE_COMPILE_CACHE # Tasks could write it, and the worker would run what they wrote.
':' //; if node --disable-sigusr1 -v >/dev/null 2>&1; then exec node --disable-sigusr1 "$0" "$@"; fi
':' //; exec node "$0" "$@"

// A shell runs the lines above, and Node those below. The shell does what Node cannot do for itself: note the limits that
// the worker was started with (Node raises the number of open files at once), and switch off core dumps and the debugger.
// `node bin/tcw.js` works too, and then these lines do what they can.

// Without a listener, SIGUSR1 opens Node's debugger to every process of this machine. Nothing is imported before this.
process.on('SIGUSR1', () => undefined);

const { existsSync, readFileSync, realpathSync } = await import('node:fs');
const here = import.meta.url;

refuseOldNode();
await loadOnlyOwnModules();
await startLean();
await limitCoreDumps();

// A checkout runs its TypeScript as it is; the published package holds only what was built from it.
const source = new URL('../src/cli/main.ts', here);
const built = new URL('../dist/cli/main.js', here);
const { main } = await import((existsSync(source) ? source : built).href);
await closeDebugger();
process.exitCode = await main(process.argv.slice(2));

/** This file is plain JavaScript, so that a Node too old for the rest can still say so in one line. */
function refuseOldNode() {
  const { engines } = JSON.parse(readFileSync(new URL('../package.json', here), 'utf8'));
  const needed = engines.node.replace('>=', '').split('.').map(Number);
  const running = process.versions.node.split('.').map(Number);
  const difference = needed.map((part, i) => running[i] - part).find(d => d !== 0) ?? 0;
  if (difference >= 0) return;
  console.error(
    `tcw: needs Node.js ${engines.node}, and this is ${process.versions.node} (${process.execPath}); install a newer Node.js.`,
  );
  process.exit(69);
}

/**
 * Node looks for a package that is not installed in each folder above, and in `~/.node_modules`: where tasks can write. Our code
 * and its dependencies get only what was installed with them. Modules that others load, for NODE_OPTIONS, are their business.
 */
async function loadOnlyOwnModules() {
  const { registerHooks } = await import('node:module');
  const { pathToFileURL } = await import('node:url');
  const own = new URL('..', here).href;
  const [installed = own] = own.match(/^.*?\/node_modules\//) ?? [];
  const dependencies = new URL('node_modules', own);
  const folders = [installed, ...(existsSync(dependencies) ? [`${pathToFileURL(realpathSync(dependencies))}/`] : [])];
  const isOwn = url => folders.some(folder => url.startsWith(folder));
  registerHooks({
    resolve: (specifier, context, next) => {
      const found = next(specifier, context);
      if (!found.url.startsWith('file:') || !isOwn(context.parentURL ?? '') || isOwn(found.url)) return found;
      throw Object.assign(new Error(`Cannot find module '${specifier}' among what tcw was installed with`), {
        code: 'MODULE_NOT_FOUND',
      });
    },
  });
}

/** A worker waits most of the time, and machines have many. Neither flag changes what it does. */
async function startLean() {
  const { setFlagsFromString } = await import('node:v8');
  // New objects are collected in 1 MB instead of 16, which a worker does not need: 11 MB less.
  setFlagsFromString('--semi-space-growth-factor=1');
  // Old objects are collected when they have grown by two fifths instead of doubled: a third less after many tasks.
  setFlagsFromString('--heap-growing-percent=40');
}

/** Without the shell's `ulimit`, another program has to lower the limit. */
async function limitCoreDumps() {
  if (process.platform !== 'linux' || !/^Max core file size +[1-9u]/m.test(ownLimits())) return;
  const { spawn } = await import('node:child_process');
  // Where there is no prlimit, core dumps stay as they were.
  spawn('prlimit', [`--pid=${process.pid}`, '--core=0:'], { stdio: 'ignore' }).on('error', () => undefined);
}

function ownLimits() {
  try {
    return readFileSync('/proc/self/limits', 'latin1');
  } catch {
    return '';
  }
}

/** A signal that came before the first line has opened the debugger, unless the shell started Node. */
async function closeDebugger() {
  const asked = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].some(words => words.includes('--inspect'));
  if (asked) return;
  // Node opens it in the next turn of its event loop.
  const { setImmediate } = await import('node:timers/promises');
  await setImmediate();
  const { close, url } = await import('node:inspector');
  if (url() !== undefined) close();
}
