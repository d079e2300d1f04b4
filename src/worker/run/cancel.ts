import {
  catchError,
  defer,
  EMPTY,
  filter,
  map,
  merge,
  mergeMap,
  NEVER,
  retry,
  switchMap,
  throwError,
  timer,
  type Observable,
} from 'rxjs';
import { fullJitter, type Backoff } from '../../base/index.ts';
import { longTimer } from '../../streams/index.ts';
import { ServiceError, type Queue, type RunInformation } from '../../taskcluster/index.ts';
import type { ActiveRun } from './active-run.ts';
import { reclaim } from './reclaim.ts';
import type { StopReason } from './stop.ts';

/** After a gap, the status of every running task is checked. This delay spreads the requests of a fleet, in ms. */
const CHECK_SPREAD_MS = 5_000;
const RETRY: Backoff = { baseMs: 1_000, capMs: 60_000 };

/** Emits every external reason to stop a run. The first one counts; see the run's state machine. */
export function stops(run: ActiveRun): Observable<StopReason> {
  const { claim, worker } = run;
  return merge(
    canceled(run),
    missedExceptions(run),
    deadlineExceeded(run),
    reclaim(claim, () => run.renew(), worker.emit, worker.queue.back$),
    worker.shutdown$.pipe(map(() => 'worker-shutdown' as const)),
  );
}

/**
 * The queue's messages about this run. They include the worker's own report, but the run no longer listens by
 * then.
 */
function canceled({ claim, worker }: ActiveRun): Observable<StopReason> {
  return worker.exceptions$.pipe(
    filter(({ taskId, runId }) => taskId === claim.taskId && runId === claim.runId),
    map(({ reason }) => stopFor(reason)),
  );
}

/** A gap matters if it ended after the claim was asked for, even if the claim had not arrived yet. */
function missedExceptions({ claim, worker, startedAt }: ActiveRun): Observable<StopReason> {
  const { random = Math.random } = worker;
  return worker.missed$.pipe(
    filter(endedAt => endedAt >= (claim.askedAt ?? startedAt)),
    mergeMap(() => timer(random() * CHECK_SPREAD_MS)),
    switchMap(() =>
      defer(() => worker.queue.status(claim.taskId)).pipe(
        retry({ delay: whileAway(worker.queue) }),
        catchError(() => EMPTY),
      ),
    ),
    map(status => status?.runs[claim.runId]),
    filter(information => information !== undefined && information.state !== 'running'),
    map(information => stopFor(information?.reasonResolved)),
  );
}

/**
 * Pulse and the queue may be down together, so the status is requested until there is an answer. Only the first
 * pause ends early when the queue answers another call, because only this call may be failing.
 */
function whileAway({ back$ = NEVER }: Queue) {
  return (error: unknown, attempt: number): Observable<unknown> => {
    const isAway = error instanceof ServiceError && error.transient;
    if (!isAway) return throwError(() => error);
    return merge(timer(fullJitter(attempt, RETRY)), attempt === 1 ? back$ : NEVER);
  };
}

/** Both times are the queue's, so its clock and the worker's need not agree. */
function deadlineExceeded({ claim, startedAt }: ActiveRun): Observable<StopReason> {
  return defer(() => {
    const elapsedMs = performance.now() - (claim.madeAt ?? startedAt);
    return longTimer(claim.deadlineMs - claim.startedMs - elapsedMs).pipe(
      map(() => 'deadline-exceeded' as const),
    );
  });
}

function stopFor(reason: RunInformation['reasonResolved']): StopReason {
  return reason === 'canceled' || reason === 'deadline-exceeded' ? reason : 'claim-lost';
}
