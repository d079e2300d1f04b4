type Hook = (error: unknown) => Promise<unknown>;

const hooks = new Set<Hook>();
/**
 * The longest time that crash hooks may keep the process, in ms. It is enough for a report, for a worker-manager that
 * does not answer, and for the shutdown of the machine.
 */
const HOOKS_MS = 100_000;
let isRunning = false;

/** Calls `hook` after an uncaught error, before the process ends. */
export function onCrash(hook: Hook): Disposable {
  hooks.add(hook);
  return { [Symbol.dispose]: () => void hooks.delete(hook) };
}

/**
 * Calls the crash hooks once, then calls `leave` when they are done or the time limit is reached. Further crashes in
 * the meantime have no effect.
 */
export function runCrashHooks(error: unknown, leave: () => void): void {
  if (isRunning) return;
  const calls = [...hooks].map(async hook => hook(error));
  hooks.clear();
  if (calls.length === 0) {
    leave();
    return;
  }
  isRunning = true;
  const end = () => {
    clearTimeout(timer);
    isRunning = false;
    leave();
  };
  const timer = setTimeout(end, HOOKS_MS);
  void Promise.allSettled(calls).then(end);
}
