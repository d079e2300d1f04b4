import { catchError, defer, delay, from, map, of, switchMap, take, timeout, type Observable } from 'rxjs';
import { ServiceError } from '../../taskcluster/index.ts';
import type { Outcome } from '../outcome.ts';
import type { ActiveRun } from './active-run.ts';
import { REPORT_GRACE_MS, noClaimOpen } from './grace.ts';

/**
 * Reports the result of a run, unless the queue has already ended it. Never errors: failures are in the
 * worker's log.
 */
export function resolve(run: ActiveRun, outcome: Outcome): Observable<unknown> {
  return defer(() => {
    const ours$ = run.state.stop === 'claim-lost' ? lateRenewal(run) : of(false);
    return ours$.pipe(
      switchMap(ours => {
        const verdict = () => (ours ? GIVEN_BACK : run.verdict(outcome));
        const ready$ = makesPending(verdict()) ? noClaimOpen(run.worker) : of(undefined);
        return ready$.pipe(map(verdict));
      }),
      switchMap(verdict => {
        run.dispatch({ type: 'resolve', outcome: verdict });
        return reported(run, verdict);
      }),
    );
  });
}

/** Whether the queue answers this report with a new run of the task. */
function makesPending(verdict: Outcome | undefined): boolean {
  if (verdict?.result !== 'exception') return false;
  return verdict.reason === 'worker-shutdown' || verdict.reason === 'intermittent-task';
}

const GIVEN_BACK: Outcome = {
  result: 'exception',
  reason: 'worker-shutdown',
  message: 'the claim was renewed too late',
};

/**
 * Whether the answer to a granted renewal arrived after the claim had expired. The run is stopped, but unless it is
 * reported, the queue waits until the renewed claim expires, too.
 */
function lateRenewal({ renewals, renewedLate }: ActiveRun): Observable<boolean> {
  if (renewedLate) return of(true);
  if (renewals.size === 0) return of(false);
  return from(Promise.any(renewals)).pipe(
    map(() => true),
    timeout({ first: REPORT_GRACE_MS, with: () => of(false) }),
    catchError(() => of(false)),
  );
}

async function reported(run: ActiveRun, verdict: Outcome | undefined): Promise<void> {
  const { claim, worker } = run;
  const limit = reportLimit(run);
  try {
    if (verdict) await report(run, verdict, limit.signal);
    worker.emit(
      verdict
        ? { type: 'reported', claim, outcome: verdict }
        : { type: 'not-reported', claim, stop: run.state.stop },
    );
  } catch (err) {
    if (err instanceof ServiceError && err.kind === 'conflict') {
      worker.emit({ type: 'reported-too-late', claim });
    } else {
      worker.emit({ type: 'report-failed', claim, outcome: verdict, err });
    }
  } finally {
    limit.end();
  }
}

/** A signal that is aborted some time after the worker was told to exit at once, before or during the report. */
function reportLimit({ worker, state }: ActiveRun): { signal: AbortSignal; end: () => void } {
  const limit = new AbortController();
  const emitted$: Observable<unknown> = state.stop === 'worker-shutdown' ? of(undefined) : worker.shutdown$;
  const waiting = emitted$.pipe(take(1), delay(REPORT_GRACE_MS)).subscribe(() => {
    limit.abort(new Error('the worker is shutting down'));
  });
  return {
    signal: limit.signal,
    end: () => {
      waiting.unsubscribe();
    },
  };
}

function report({ calls }: ActiveRun, verdict: Outcome, signal: AbortSignal): Promise<void> {
  switch (verdict.result) {
    case 'completed':
      return calls.reportCompleted(signal);
    case 'failed':
      return calls.reportFailed(signal);
    case 'exception':
      return calls.reportException(verdict.reason, signal);
  }
}
