import { defer, delay, from, of, take, type Observable } from 'rxjs';
import { QueueError } from '../../queue/index.ts';
import type { Outcome } from '../outcome.ts';
import type { ActiveRun } from './active-run.ts';

/** How long a report is tried, in ms, by a worker that has to go now: the claim may as well expire. */
export const HURRY_MS = 10_000;

/** Reports how a run ended, unless it is over for the queue already. Never errors: what failed is in the worker's log. */
export function resolve(run: ActiveRun, outcome: Outcome): Observable<unknown> {
  return defer(() => {
    const verdict = run.verdict(outcome);
    run.dispatch({ type: 'resolve', outcome: verdict });
    return from(reported(run, verdict));
  });
}

async function reported(run: ActiveRun, verdict: Outcome | undefined): Promise<void> {
  const { claim, worker } = run;
  const hurry = hurried(run);
  try {
    if (verdict) await report(run, verdict, hurry.signal);
    worker.tell(
      verdict
        ? { type: 'reported', claim, outcome: verdict }
        : { type: 'not-reported', claim, stop: run.state.stop },
    );
  } catch (err) {
    if (err instanceof QueueError && err.kind === 'conflict') {
      worker.tell({ type: 'reported-too-late', claim });
    } else {
      worker.tell({ type: 'report-failed', claim, outcome: verdict, err });
    }
  } finally {
    hurry.end();
  }
}

/** Aborted a while after the worker was told to go at once, be it before now or while the report is being made. */
function hurried({ worker, state }: ActiveRun): { signal: AbortSignal; end: () => void } {
  const hurry = new AbortController();
  const told$ = state.stop === 'worker-shutdown' ? of(undefined) : worker.shutdown$;
  const waiting = told$.pipe(take(1), delay(HURRY_MS)).subscribe(() => {
    hurry.abort(new Error('the worker has to go'));
  });
  return {
    signal: hurry.signal,
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
