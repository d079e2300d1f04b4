import { createHash } from 'node:crypto';
import { ownLife } from '../../processes/index.ts';

/** The label of everything that the engine creates for a run. Its value is the run's trace. */
export const TRACE_LABEL = 'tcw.trace';
/** The label with the run's name, for people who look at containers. */
export const RUN_LABEL = 'tcw.run';

/**
 * The trace by which everything of a run is found: the worker's process (engines/processes/life.ts) and the run. Networks have the same trace
 * as containers.
 */
export function traceOf(runName: string): string {
  return `${ownLife()}-docker-${createHash('sha256').update(runName).digest('hex').slice(0, 32)}`;
}

/** Whether a text has the form of {@link traceOf}. */
export function isTrace(word: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{8}-\d{1,10}-\d{1,20}-docker-[0-9a-f]{32}$/.test(word);
}

/** A filter for the engine's lists: everything with a run's trace. */
export function ofTrace(trace: string): string {
  return JSON.stringify({ label: [`${TRACE_LABEL}=${trace}`] });
}
