import {
  catchError,
  concat,
  concatMap,
  connect,
  defer,
  EMPTY,
  ignoreElements,
  last,
  map,
  merge,
  of,
  take,
  takeUntil,
  tap,
  using,
  type Observable,
} from 'rxjs';
import type { Claim } from '../../taskcluster/index.ts';
import type { WorkerContext } from '../life/context.ts';
import { outcomeOf, type Outcome } from '../outcome.ts';
import { ActiveRun } from './active-run.ts';
import { stops } from './cancel.ts';
import { cleanUp, untilGone } from './clean-up.ts';
import { halfOfTheTime, isClaimOpen, uploadsEnd } from './hurry.ts';
import { prepare } from './prepare.ts';
import { resolve } from './resolve.ts';
import type { RunState } from './run-state.ts';
import { execute } from './run.ts';
import { upload } from './upload.ts';

/**
 * One run, from its claim to its last trace: prepare, run, upload, resolve, clean up, and beside it all that may stop
 * it. A stop is an event, not an unsubscribe: this tells the run's states, and completes when its processes are dead
 * and its folder is gone. Where processes cannot be ended, the run is resolved with them left, and this completes later, or
 * when the worker goes. It never errors: one task never ends another, or the worker.
 */
export function taskRun(claim: Claim, worker: WorkerContext): Observable<RunState> {
  return defer(() => {
    const run = new ActiveRun(claim, worker);

    const outcome$ = prepare(run).pipe(
      concatMap(prepared => execute(run, prepared)),
      catchError((error: unknown) => of(outcomeOf(error))),
    );
    const over$ = defer(() => {
      run.dispatch({ type: 'end', processesLeft: run.processesLeft !== undefined });
      return run.processesLeft ? untilGone(run) : EMPTY;
    });
    const life$ = concat(outcome$.pipe(concatMap(outcome => uploadAndResolve(run, outcome))), over$);

    const stops$ = stops(run).pipe(
      tap(reason => {
        run.stop(reason);
      }),
      takeUntil(run.state$.pipe(last())),
    );
    return merge(run.state$, stops$.pipe(ignoreElements()), life$.pipe(ignoreElements()));
  });
}

/** Uploads of a run that was given back end before the machine goes. */
function inTime<T>(run: ActiveRun, upload$: Observable<T>): Observable<T> {
  return using(
    () =>
      uploadsEnd(run.worker).subscribe(() => {
        run.stopUploads();
      }),
    () => upload$,
  );
}

/**
 * What is left of a run is removed once everything is uploaded, while the report is being made.
 *
 * A run that is stopped because the machine goes is reported before its log is uploaded, since there may be no time for
 * both. Where that report has to wait for an open `claimWork`, the log is uploaded meanwhile. A run whose commands have ended by then has half of the worker's time for its uploads, and is reported as
 * usual. After that it is reported at once: as `worker-shutdown`, unless it was stopped for another reason.
 */
function uploadAndResolve(run: ActiveRun, outcome: Outcome): Observable<unknown> {
  if (run.rule?.reportFirst) {
    const reported$ = resolve(run, outcome);
    const uploaded$ = concat(inTime(run, upload(run, outcome)), cleanUp(run));
    return isClaimOpen(run.worker).pipe(
      concatMap(waits => (waits ? merge(reported$, uploaded$) : concat(reported$, uploaded$))),
    );
  }
  return upload(run, outcome).pipe(
    connect(uploaded$ => {
      const hurried$ = halfOfTheTime(run.worker).pipe(
        map(() => {
          run.hurry();
          return outcome;
        }),
      );
      const reported$ = merge(uploaded$, hurried$).pipe(
        take(1),
        concatMap(ended => resolve(run, ended)),
      );
      return merge(concat(uploaded$, cleanUp(run)), reported$);
    }),
  );
}
