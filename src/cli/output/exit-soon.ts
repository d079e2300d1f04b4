/** How long this process may remain after all work is done, in ms. Usually nothing keeps it. */
const LINGER_MS = 1_000;

/**
 * Ends this process even if something would keep it alive forever: the engine may hold handles of processes that
 * could not be ended, or nobody may read the output. The exit code must be set within that time.
 */
export function exitSoon(): void {
  setTimeout(() => process.exit(), LINGER_MS).unref();
}
