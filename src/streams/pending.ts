import { map, type Observable } from 'rxjs';
import { queueExchanges, type TaskStatusStructure } from '../exchanges/index.ts';
import { namedQueue, PulseError, type Pulse } from '../pulse/index.ts';
import { feed, type Feed, type OnProblem } from './feed.ts';

/**
 * A task of the pool has become pending. This is only a hint: the task may be gone, or `claimWork` may return another
 * task first.
 */
export interface PendingNotice {
  readonly taskId: string;
  readonly runId: number;
  /** When the run became pending, in ms since the epoch by the queue's clock; 0 if the message has no valid time. */
  readonly scheduledMs: number;
  /** Acknowledges the notice, after a claim or when it is stale. */
  done(): void;
  /** Requeues the notice for another worker. */
  giveBack(): void;
}

/**
 * All workers of a pool share one durable queue, so that each notice wakes exactly one worker. An existing queue cannot
 * be declared with different bounds, and a pool is updated worker by worker. New bounds therefore need a new version in
 * the name.
 */
const SHARED_QUEUE_VERSION = 'v1';
const BOUNDS = {
  /** PulseGuardian warns at 2,000 messages, and deletes the queue at 8,000. */
  maxLength: 1_500,
  /** The broker removes the queue when no worker has used it for this long, in ms. */
  expiresMs: 6 * 3_600_000,
};

/**
 * Emits a notice for each task of a pool that becomes pending, from `task-pending`.
 *
 * @param taskQueueId `<provisionerId>/<workerType>`
 * @param demand$ how many more notices are wanted now; 0 pauses
 * @param onProblem called when the queue cannot be consumed, and for each message that cannot be read
 * @param priority the priority among the consumers of the pool. While one of a higher priority wants notices, the others
 *   receive none
 * @throws PulseError `invalid` for a `taskQueueId` without these two parts
 */
export function pendingNotices(
  pulse: Pulse,
  taskQueueId: string,
  demand$: Observable<number>,
  onProblem: OnProblem,
  priority = 0,
): Feed<PendingNotice> {
  const [provisionerId, workerType, ...more] = String(taskQueueId).split('/');
  if (!provisionerId || !workerType || more.length > 0) {
    throw new PulseError(
      'invalid',
      'pendingNotices: taskQueueId must have the form <provisionerId>/<workerType>',
    );
  }
  const { items$, listening$ } = feed(
    pulse,
    {
      queue: namedQueue(`tcw-pending/${SHARED_QUEUE_VERSION}/${taskQueueId}`, BOUNDS),
      bindings: [queueExchanges.taskPending({ provisionerId, workerType })],
      demand$,
      priority,
    },
    onProblem,
  );
  return {
    listening$,
    items$: items$.pipe(
      map(message => {
        const { status, runId } = message.body;
        return {
          taskId: status.taskId,
          runId,
          scheduledMs: scheduledMs(status, runId),
          done: () => void message.ack(),
          giveBack: () => void message.requeue(),
        };
      }),
    ),
  };
}

/** Some times are valid in the message's schema but not for `Date.parse`, such as the leap second `23:59:60Z`. */
function scheduledMs(status: TaskStatusStructure, runId: number): number {
  const ms = Date.parse(status.runs[runId]?.scheduled ?? '');
  return Number.isNaN(ms) ? 0 : ms;
}
