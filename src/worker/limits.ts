import { count, filter, map, merge, NEVER, switchMap, take, timer, type Observable } from 'rxjs';
import type { WorkerConfig } from './config/index.ts';
import type { ExitReason } from './worker-state.ts';

/**
 * When a worker has enough to do, or waited long enough: emits at most once, why.
 *
 * @param started$ an item for each run that was begun
 * @param running$ how many run now
 */
export function limits(
  { numberOfTasksToRun, idleTimeoutSecs }: WorkerConfig,
  started$: Observable<unknown>,
  running$: Observable<number>,
): Observable<ExitReason> {
  const enough$ =
    numberOfTasksToRun === 0
      ? NEVER
      : started$.pipe(
          take(numberOfTasksToRun),
          count(),
          filter(runs => runs === numberOfTasksToRun),
          map((): ExitReason => 'tasks-complete'),
        );
  const idle$ =
    idleTimeoutSecs === 0
      ? NEVER
      : running$.pipe(
          switchMap(running => (running === 0 ? timer(idleTimeoutSecs * 1_000) : NEVER)),
          map((): ExitReason => 'idle'),
        );
  return merge(enough$, idle$).pipe(take(1));
}
