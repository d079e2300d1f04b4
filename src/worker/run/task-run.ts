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
  take,
  takeUntil,
  tap,
  using,
  type Observable,
} from 'rxjs';
import type { Claim } from '../../taskcluster/index.ts';
import type { WorkerContext } from '../life/context.ts';
import type { Outcome } from '../outcome.ts';
import { ActiveRun } from './active-run.ts';
import { stops } from './cancel.ts';
import { cleanUp, untilGone } from './clean-up.ts';
import { failureOf } from './failure.ts';
import { halfOfGrace, isClaimOpen, uploadsEnd } from './grace.ts';
import { prepare } from './prepare.ts';
import { resolve } from './resolve.ts';
import type { RunState } from './run-state.ts';
import { execute } from './run.ts';
import { upload } from './upload.ts';

/**
 * One run, from its claim until everything of it is removed: prepare, run, upload, resolve, clean up, and
 * concurrently every reason that may stop it. A stop is an event, not an unsubscribe. This emits the run's states,
 * and completes when its processes are dead and its folder is gone. If processes cannot be ended, the run is resolved
 * nevertheless, and this completes later, or when the worker exits. It never errors: one task never ends another, or
 * the worker.
 */
export function taskRun(claim: Claim, worker: WorkerContext): Observable<RunState> {
  return defer(() => {
    const run = new ActiveRun(claim, worker);

    const outcome$ = prepare(run).pipe(
      concatMap(prepared => execute(run, prepared)),
      catchError((error: unknown) => failureOf(run, error)),
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

/** The uploads of a run that was given back end before the machine is taken away. */
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
 * Uploads and resolves a run. The clean-up begins after the last upload and runs beside the report.
 *
 * A run that is stopped by a shutdown is reported before its log is uploaded, because there may be no time for
 * both. If that report has to wait for an open `claimWork`, the log is uploaded in the meantime. A run whose
 * commands have already ended has half of the grace period for its uploads, and is reported as usual. After
 * that it is reported at once, as `worker-shutdown` unless it was stopped for another reason.
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
      const cutOff$ = halfOfGrace(run.worker).pipe(
        map(() => {
          run.cutOffUploads();
          return outcome;
        }),
      );
      const reported$ = merge(uploaded$, cutOff$).pipe(
        take(1),
        concatMap(ended => resolve(run, ended)),
      );
      return merge(concat(uploaded$, cleanUp(run)), reported$);
    }),
  );
}
