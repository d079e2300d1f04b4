import type { QueueApi } from '../../../taskcluster/index.ts';
import type { Handlers } from '../../http/call.ts';
import { claimWork } from '../operations/claim-work.ts';
import { reclaimTask } from '../operations/reclaim-task.ts';
import { reportEnded, reportException } from '../operations/report-run.ts';
import type { Queue } from '../queue.ts';
import { statusOf } from '../tasks/task.ts';

/** The calls of workers about runs. */
export function workCalls(queue: Queue): Handlers<QueueApi> {
  const { clock, longPollMs } = queue;
  return {
    async claimWork({ params: { taskQueueId }, body, authorize, onGone }) {
      const { workerGroup, workerId, tasks } = body;
      await authorize({ taskQueueId, workerGroup, workerId });
      const patience = new AbortController();
      const stop = clock.after(longPollMs, () => patience.abort());
      onGone(() => patience.abort());
      try {
        const worker = { workerGroup, workerId };
        return { tasks: await claimWork(queue, taskQueueId, worker, tasks, patience.signal) };
      } finally {
        stop();
      }
    },

    reclaimTask: ({ params }) => reclaimTask(queue, params.taskId, Number(params.runId)),

    async reportCompleted({ params }) {
      return { status: statusOf(await reportEnded(queue, params.taskId, Number(params.runId), 'completed')) };
    },

    async reportFailed({ params }) {
      return { status: statusOf(await reportEnded(queue, params.taskId, Number(params.runId), 'failed')) };
    },

    async reportException({ params, body }) {
      const task = await reportException(queue, params.taskId, Number(params.runId), body.reason);
      return { status: statusOf(task) };
    },
  };
}
