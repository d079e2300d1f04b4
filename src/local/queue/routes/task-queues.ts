import type { Handlers } from '../../http/call.ts';
import type { Queue } from '../queue.ts';
import { splitTaskQueueId } from '../tasks/definition.ts';

/** How much there is to do. */
export function taskQueueCalls({ store, clock }: Queue): Handlers {
  const countPending = (taskQueueId: string) => ({
    ...splitTaskQueueId(taskQueueId),
    taskQueueId,
    pendingTasks: store.pending.count(taskQueueId, clock.now()),
  });
  return {
    pendingTasks: ({ params }) => countPending(params.taskQueueId),

    taskQueueCounts: ({ params }) => ({
      ...countPending(params.taskQueueId),
      claimedTasks: store.countClaimed(params.taskQueueId),
    }),
  };
}
