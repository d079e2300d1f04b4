import { longTimer } from '../../streams/index.ts';
import {
  combineLatest,
  defer,
  distinctUntilChanged,
  filter,
  map,
  merge,
  NEVER,
  of,
  repeat,
  scan,
  startWith,
  switchMap,
  take,
  type Observable,
} from 'rxjs';
import type { WorkerConfig } from '../config/index.ts';
import type { WorkerEvent } from '../events.ts';
import type { Slots } from './slots.ts';
import type { ExitReason } from './worker-state.ts';

/**
 * Emits at most once, with the reason: the worker has run enough tasks, has been idle for too long, or has no
 * slot left in service.
 *
 * An idle worker stays while a call is open that may bring a claim. The answer may be late, and giving a claim
 * back would cost its task a retry. It also stays until the queue has said, after the idle time, that nothing
 * is pending.
 *
 * @param confirmed asks the queue, and emits true while nothing is pending
 * @param needed asks the worker's owner whether the worker is needed nevertheless; if so, the idle time starts
 *   again
 */
export function limits(
  { numberOfTasksToRun, idleTimeoutSecs }: WorkerConfig,
  events$: Observable<WorkerEvent>,
  { unused$, outOfService$ }: Pick<Slots, 'unused$' | 'outOfService$'>,
  confirmed: () => Observable<boolean> = () => of(true),
  needed: () => Observable<boolean | undefined> = () => of(undefined),
): Observable<ExitReason> {
  const begun$ = changes(events$).pipe(filter(change => change > 0));
  const enough$: Observable<ExitReason> =
    numberOfTasksToRun === 0
      ? NEVER
      : begun$.pipe(
          scan(begun => begun + 1, 0),
          filter(begun => begun === numberOfTasksToRun),
          map(() => 'tasks-complete'),
        );
  const idle$: Observable<ExitReason> =
    idleTimeoutSecs === 0
      ? NEVER
      : isIdle(events$).pipe(
          switchMap(idle =>
            idle
              ? waited(idleTimeoutSecs * 1_000, needed).pipe(
                  switchMap(() => combineLatest([unused$, defer(confirmed)])),
                )
              : NEVER,
          ),
          filter(answers => answers.every(Boolean)),
          map(() => 'idle'),
        );
  const broken$ = outOfService$.pipe(
    filter(Boolean),
    map(() => 'out-of-service' as const),
  );
  return merge(enough$, idle$, broken$).pipe(take(1));
}

/** Whether no run is in progress. Emits the present value first. */
export function isIdle(events$: Observable<WorkerEvent>): Observable<boolean> {
  return changes(events$).pipe(
    scan((running, change) => running + change, 0),
    startWith(0),
    map(running => running === 0),
    distinctUntilChanged(),
  );
}

/** Emits once, when the time has passed and the worker is not needed at its end. */
function waited(ms: number, needed: () => Observable<boolean | undefined>): Observable<unknown> {
  return longTimer(ms).pipe(
    switchMap(needed),
    filter(isNeeded => isNeeded !== true),
    repeat(),
    take(1),
  );
}

/** Emits +1 for each run that begins, and -1 for each that ends. */
function changes(events$: Observable<WorkerEvent>): Observable<number> {
  return events$.pipe(
    map(event => {
      if (event.type !== 'run') return 0;
      if (event.state.phase === 'resolved') return -1;
      return event.state.phase === 'claimed' && !event.state.stop ? 1 : 0;
    }),
    filter(change => change !== 0),
  );
}
