/** How long this process may stay, in ms, when all is done. Mostly nothing keeps it at all. */
const LINGER_MS = 1_000;

/**
 * Lets this process end although something would keep it for ever: the engine still holds what belongs to processes that could not
 * be ended, or nobody reads what was written. Its exit code has to be known by then.
 */
export function leaveBehind(): void {
  setTimeout(() => process.exit(), LINGER_MS).unref();
}
