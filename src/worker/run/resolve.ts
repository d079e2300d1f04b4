import { defer, from, type Observable } from 'rxjs';
import { QueueError } from '../../queue/index.ts';
import type { Outcome } from '../outcome.ts';
import type { ActiveRun } from './active-run.ts';

/** Reports how a run ended, unless it is over for the queue already. Never errors: what failed is in the worker's log. */
export function resolve(run: ActiveRun, outcome: Outcome): Observable<unknown> {
  return defer(() => {
    const verdict = run.verdict(outcome);
    run.dispatch({ type: 'resolve', outcome: verdict });
    return from(reported(run, verdict));
  });
}

async function reported(run: ActiveRun, verdict: Outcome | undefined): Promise<void> {
  const { taskId, runId } = run.claim;
  const { logger } = run.worker;
  try {
    if (verdict) await report(run, verdict);
    logger.info(
      { taskId, runId, ...(verdict ?? { stop: run.state.stop }) },
      verdict ? 'resolved' : 'stopped',
    );
  } catch (err) {
    if (err instanceof QueueError && err.kind === 'conflict') {
      logger.info({ taskId, runId }, 'the run was over before it could be reported');
    } else {
      logger.error({ taskId, runId, err, ...verdict }, 'could not report the run; its claim will expire');
    }
  }
}

function report({ calls }: ActiveRun, verdict: Outcome): Promise<void> {
  switch (verdict.result) {
    case 'completed':
      return calls.reportCompleted();
    case 'failed':
      return calls.reportFailed();
    case 'exception':
      return calls.reportException(verdict.reason);
  }
}
