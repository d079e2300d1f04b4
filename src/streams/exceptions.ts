import { EMPTY, mergeMap, of } from 'rxjs';
import { queueExchanges, type RunInformation } from '../exchanges/index.ts';
import { ephemeralQueue, PulseError, type Pulse } from '../pulse/index.ts';
import { feed, type Feed, type OnProblem } from './feed.ts';

/**
 * A run of this worker that the queue resolved as an exception: cancelled, claim expired, or reported by the worker
 * itself.
 */
export interface RunException {
  readonly taskId: string;
  readonly runId: number;
  readonly reason: RunInformation['reasonResolved'];
}

/** A run has at most one exception, so few messages ever wait. With a bound this low, the queue needs no monitoring. */
const MAX_WAITING = 1_000;

/**
 * Emits the exceptions of one worker's runs, from `task-exception`. Exceeded deadlines are not included, because their
 * messages do not name the worker: use {@link deadline} for them. Before each time that `listening$` becomes true,
 * messages may have been lost.
 *
 * @param onProblem called when the queue cannot be consumed, and for each message that cannot be read
 * @throws PulseError `invalid` if the worker's group or id is missing
 */
export function runExceptions(
  pulse: Pulse,
  worker: { readonly workerGroup: string; readonly workerId: string },
  onProblem: OnProblem,
): Feed<RunException> {
  const { workerGroup, workerId } = worker;
  // Without both, the binding would match the runs of other workers.
  if (!workerGroup || !workerId) {
    throw new PulseError('invalid', 'runExceptions needs a worker with a workerGroup and a workerId');
  }
  const { items$, listening$ } = feed(
    pulse,
    {
      queue: ephemeralQueue('tcw-exceptions', { maxLength: MAX_WAITING }),
      bindings: [queueExchanges.taskException({ workerGroup, workerId })],
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
