import { createHash } from 'node:crypto';
import { ownLife } from '../processes/index.ts';

/** The label of all that this engine makes for a run: whose it is, in a word that no other run has. */
export const TRACE_LABEL = 'tcw.trace';
/** The label that has the run's name, for whoever looks at containers. */
export const RUN_LABEL = 'tcw.run';

/**
 * The word by which all that belongs to a run is found: that of the worker's process (life.ts), and one for the run. The same
 * for a run's network as for its containers.
 */
export function traceOf(runName: string): string {
  return `${ownLife()}-docker-${createHash('sha256').update(runName).digest('hex').slice(0, 32)}`;
}

/** Whether a word can have been made by {@link traceOf}. */
export function isTrace(word: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{8}-\d{1,10}-\d{1,20}-docker-[0-9a-f]{32}$/.test(word);
}

/** A filter of the engine's lists, for what has a run's trace. */
export function ofTrace(trace: string): string {
  return JSON.stringify({ label: [`${TRACE_LABEL}=${trace}`] });
}
