import { EMPTY, mergeMap, of } from 'rxjs';
import { queue, type RunInformation } from '../exchanges/index.ts';
import { ephemeralQueue, type Pulse } from '../pulse/index.ts';
import { feed, type Feed, type OnProblem } from './feed.ts';

/** A run of this worker was resolved as an exception: by a cancellation, its claim's expiry, or our own report. */
export interface RunException {
  readonly taskId: string;
  readonly runId: number;
  readonly reason: RunInformation['reasonResolved'];
}

/**
 * Each run has one exception at most, so that these never wait. What is bounded as low need not be looked at each minute,
 * by each worker of a fleet.
 */
const MOST_WAITING = 1_000;

/**
 * Exceptions of the runs of one worker, as the queue announces them. A deadline is not among them: its message does
 * not name the worker. Each time `listening$` turns true again, some may have been missed.
 */
export function runExceptions(
  pulse: Pulse,
  worker: { readonly workerGroup: string; readonly workerId: string },
  onProblem: OnProblem,
): Feed<RunException> {
  const { items$, listening$ } = feed(
    pulse,
    {
      queue: ephemeralQueue('tcw-exceptions', { maxLength: MOST_WAITING }),
      bindings: [queue.taskException({ workerGroup: worker.workerGroup, workerId: worker.workerId })],
      prefetch: 100,
    },
    onProblem,
  );
  return {
    listening$,
    items$: items$.pipe(
      mergeMap(message => {
        const { status, runId } = message.body;
        message.ack();
        if (runId === undefined) return EMPTY;
        return of({ taskId: status.taskId, runId, reason: status.runs[runId]?.reasonResolved });
      }),
    ),
  };
}
