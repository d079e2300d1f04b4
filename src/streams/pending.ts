import { map, type Observable } from 'rxjs';
import { queue, type TaskStatusStructure } from '../exchanges/index.ts';
import { namedQueue, type Pulse } from '../pulse/index.ts';
import { feed, type Feed, type OnProblem } from './feed.ts';

/** Somewhere in the pool a task has become pending. A hint, not a claim: it may be gone, or another may come first. */
export interface PendingNotice {
  readonly taskId: string;
  readonly runId: number;
  /** When the run became pending, in ms since the epoch, by the queue's clock; 0 where the notice does not tell. */
  readonly scheduledMs: number;
  /** It has been acted upon, or is known to be stale. */
  done(): void;
  /** Let another worker have it. */
  giveBack(): void;
}

/**
 * The pool's notices lie in one durable queue that all its workers share, so that each wakes exactly one of them.
 * The version stands for the bounds: a queue can never be declared with others, and a pool is updated bit by bit.
 */
const SHARED_QUEUE_VERSION = 'v1';
const BOUNDS = {
  /** Below the 2,000 at which PulseGuardian warns; it deletes at 8,000. */
  maxLength: 1_500,
  /** How long the notices of a pool without workers are kept, in ms. */
  expiresMs: 6 * 3_600_000,
};

/**
 * Notices of a pool's pending tasks, as many more as `demand$` asks for.
 *
 * @param taskQueueId `<provisionerId>/<workerType>`
 */
export function pendingNotices(
  pulse: Pulse,
  taskQueueId: string,
  demand$: Observable<number>,
  onProblem: OnProblem,
): Feed<PendingNotice> {
  const [provisionerId = '', workerType = ''] = taskQueueId.split('/');
  const { items$, listening$ } = feed(
    pulse,
    {
      queue: namedQueue(`tcw-pending/${SHARED_QUEUE_VERSION}/${taskQueueId}`, BOUNDS),
      bindings: [queue.taskPending({ provisionerId, workerType })],
      demand$,
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

/** A time may pass the message's schema and be none, as the leap second `23:59:60Z`. */
function scheduledMs(status: TaskStatusStructure, runId: number): number {
  const ms = Date.parse(status.runs[runId]?.scheduled ?? '');
  return Number.isNaN(ms) ? 0 : ms;
}
