#!/usr/bin/env sh
':' //; trap '' USR1 # Until Node runs, this signal would end it.
':' //; TCW_STARTED_LIMITS="nofile=$(ulimit -Sn) core=$(ulimit -Sc)"; export TCW_STARTED_LIMITS
':' //; ulimit -Sc 0 # A core dump would hold tokens.
':' //; [ -n "${MALLOC_ARENA_MAX+set}" ] || export MALLOC_ARENA_MAX=1 TCW_ONE_HEAP=1 # Saves 4 MB. See startLean.
':' //; unset NODE_COMPILE_CACHE # Tasks could write it, and the worker would run what they wrote.
':' //; if node --disable-sigusr1 -v >/dev/null 2>&1; then exec node --disable-sigusr1 "$0" "$@"; fi
':' //; exec node "$0" "$@"

// A shell runs the lines above and Node runs those below. The shell does what Node cannot do for itself: it records the
// limits that the worker was started with (Node raises the number of open files at once), and switches off core dumps
// and the debugger. It also sets the variable that keeps glibc from giving each thread a heap of its own. `node bin/tcw.js`
// works too; the code below then does what it can.

// Without a listener, SIGUSR1 opens Node's debugger to every process of this machine. Nothing is imported before this.
process.on('SIGUSR1', () => undefined);

const { existsSync, readFileSync, realpathSync } = await import('node:fs');
const here = import.meta.url;

refuseOldNode();
await loadOnlyOwnModules();
await startLean();
await limitCoreDumps();

// A checkout runs the TypeScript source. The published package contains only the built files.
const source = new URL('../src/cli/main.ts', here);
const built = new URL('../dist/cli/main.js', here);
const { main } = await import((existsSync(source) ? source : built).href);
await closeDebugger();
process.exitCode = await main(process.argv.slice(2));

/** Exits with one line if Node is too old. This file is plain JavaScript so that an old Node can run this check. */
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
 * Restricts our code and its dependencies to modules that were installed with them. For a missing package, Node
 * searches every folder above and `~/.node_modules`, where tasks can write. Other modules, such as those loaded by
 * NODE_OPTIONS, are not restricted.
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

/**
 * Reduces memory use. A worker waits most of the time, and a machine may run many workers. None of this changes what a
 * worker does.
 */
async function startLean() {
  // Tasks inherit the environment.
  if (process.env.TCW_ONE_HEAP) delete process.env.MALLOC_ARENA_MAX;
  delete process.env.TCW_ONE_HEAP;
  const { setFlagsFromString } = await import('node:v8');
  // Collects new objects in 1 MB instead of 16 MB, which a worker does not need. This saves 11 MB.
  setFlagsFromString('--semi-space-growth-factor=1');
  // Collects old objects when they have grown by two fifths instead of doubled. This saves a third of the memory after
  // many tasks. Less growth, and V8 without its middle compilers, would save 7 MB more, but cost 7% of a task's time.
  setFlagsFromString('--heap-growing-percent=40');
}

/** Lowers the core dump limit with another program if the shell's `ulimit` has not done so. */
async function limitCoreDumps() {
  if (process.platform !== 'linux' || !/^Max core file size +[1-9u]/m.test(ownLimits())) return;
  const { spawn } = await import('node:child_process');
  // Without prlimit, the limit stays unchanged.
  spawn('prlimit', [`--pid=${process.pid}`, '--core=0:'], { stdio: 'ignore' }).on('error', () => undefined);
}

function ownLimits() {
  try {
    return readFileSync('/proc/self/limits', 'latin1');
  } catch {
    return '';
  }
}

/** Closes the debugger. Unless the shell started Node, a signal that arrived before the first line has opened it. */
async function closeDebugger() {
  const asked = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].some(words => words.includes('--inspect'));
  if (asked) return;
  // Node opens the debugger in the next turn of its event loop.
  const { setImmediate } = await import('node:timers/promises');
  await setImmediate();
  const { close, url } = await import('node:inspector');
  if (url() !== undefined) close();
}
