type Hook = (error: unknown) => Promise<unknown>;

const hooks = new Set<Hook>();
/**
 * Whoever is told of a crash may not keep the process for longer, in ms. There is time for a report, for a worker-manager that does not
 * answer, and then for the machine's own shutdown.
 */
const HOOKS_MS = 100_000;
let isTelling = false;

/** Calls `hook` when an error is thrown that nobody catches, before the process ends. */
export function atCrash(hook: Hook): Disposable {
  hooks.add(hook);
  return { [Symbol.dispose]: () => void hooks.delete(hook) };
}

/** Tells the hooks of a crash, once, and calls `leave` when they are done, or after a while. Further crashes meanwhile change nothing. */
export function tellOfCrash(error: unknown, leave: () => void): void {
  if (isTelling) return;
  const told = [...hooks].map(async hook => hook(error));
  hooks.clear();
  if (told.length === 0) {
    leave();
    return;
  }
  isTelling = true;
  const end = () => {
    clearTimeout(timer);
    isTelling = false;
    leave();
  };
  const timer = setTimeout(end, HOOKS_MS);
  void Promise.allSettled(told).then(end);
}
