import { count, filter, map, merge, NEVER, switchMap, take, timer, type Observable } from 'rxjs';
import type { WorkerConfig } from './config/index.ts';
import type { ExitReason } from './worker-state.ts';

/** When a worker has done enough, or waited long enough: emits at most once, why. */
export function limits(
  { numberOfTasksToRun, idleTimeoutSecs }: WorkerConfig,
  claim$: Observable<unknown>,
  running$: Observable<number>,
): Observable<ExitReason> {
  const enough$ =
    numberOfTasksToRun === 0
      ? NEVER
      : claim$.pipe(
          take(numberOfTasksToRun),
          count(),
          filter(claims => claims === numberOfTasksToRun),
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
