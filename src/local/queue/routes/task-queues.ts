import type { QueueApi } from '../../../taskcluster/index.ts';
import type { Handlers } from '../../http/call.ts';
import type { Queue } from '../queue.ts';
import { pageOf } from '../../http/pages.ts';
import { isoTime } from '../../times.ts';
import { splitTaskQueueId } from '../tasks/definition.ts';
import { definitionOf } from '../tasks/task.ts';

/** The calls about pending and claimed tasks. */
export function taskQueueCalls({ store, clock }: Queue): Handlers<QueueApi> {
  const countPending = (taskQueueId: string) => ({
    ...splitTaskQueueId(taskQueueId),
    taskQueueId,
    pendingTasks: store.pending.count(taskQueueId, clock.now()),
  });
  return {
    pendingTasks: ({ params }) => countPending(params.taskQueueId),

    taskQueueCounts: ({ params }) => ({
      ...countPending(params.taskQueueId),
      claimedTasks: store.claimed(params.taskQueueId).length,
    }),

    listPendingTasks({ params: { taskQueueId }, query }) {
      const { items, ...rest } = pageOf(store.pending.list(taskQueueId, clock.now()), query);
      const tasks = items.map(({ taskId, runId, scheduled }) => ({
        taskId,
        runId,
        task: definitionOf(store.get(taskId)),
        inserted: isoTime(scheduled),
      }));
      return { tasks, ...rest };
    },

    listClaimedTasks({ params: { taskQueueId }, query }) {
      const { items, ...rest } = pageOf(store.claimed(taskQueueId), query);
      const tasks = items.map(task => {
        const runId = task.runs.length - 1;
        const { workerGroup = '', workerId = '', started = 0 } = task.runs[runId] ?? {};
        const claimed = isoTime(started);
        return { taskId: task.taskId, runId, workerGroup, workerId, claimed, task: definitionOf(task) };
      });
      return { tasks, ...rest };
    },
  };
}
