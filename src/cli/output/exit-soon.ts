/** How long this process may remain after all work is done, in ms. Usually nothing keeps it. */
const LINGER_MS = 1_000;

/**
 * Lets this process end although something would keep it alive for ever: the engine still holds handles of processes
 * that could not be ended, or nobody reads the output. The exit code must be set within that time.
 */
export function exitSoon(): void {
  setTimeout(() => process.exit(), LINGER_MS).unref();
}
