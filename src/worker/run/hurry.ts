import { NEVER, switchMap, type Observable } from 'rxjs';
import { longTimer } from '../../streams/index.ts';
import type { WorkerContext } from '../context.ts';

/** How long a report is tried, in ms, by a worker that has to go now: the claim may as well expire. */
export const HURRY_MS = 10_000;

/**
 * Emits halfway through `shutdownGraceSecs`, counted from when the worker was told to go. Commands that still run are
 * killed then, and runs that still upload are reported: the other half is for telling the queue.
 */
export function halfOfTheTime({ shutdown$, config }: WorkerContext): Observable<unknown> {
  const { shutdownGraceSecs } = config;
  if (shutdownGraceSecs === 0) return NEVER;
  return shutdown$.pipe(
    switchMap(toldAt => longTimer(toldAt + (shutdownGraceSecs * 1_000) / 2 - performance.now())),
  );
}
