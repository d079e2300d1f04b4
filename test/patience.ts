/**
 * How long a test waits for what is to come at once, in ms. No promise about time: only what never comes may fail,
 * however busy the machine is.
 */
export const PATIENCE_MS = 60_000;

/** The time of a whole test or hook, in ms: of several such waits. */
export const TEST_MS = 4 * PATIENCE_MS;
