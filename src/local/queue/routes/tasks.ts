import type { Handlers } from '../../http/call.ts';
import { cancelTask } from '../operations/cancel-task.ts';
import { createTask } from '../operations/create-task.ts';
import { rerunTask, scheduleTask } from '../operations/schedule-task.ts';
import type { Queue } from '../queue.ts';
import { defineTask, type TaskRequest } from '../tasks/definition.ts';
import { definitionOf, PRIORITIES, statusOf, type Task } from '../tasks/task.ts';

/** The life of one task, but for what workers do with it. */
export function taskCalls(queue: Queue): Handlers {
  const { store, publisher } = queue;
  return {
    task: ({ params }) => definitionOf(store.get(params.taskId)),

    status: ({ params }) => ({ status: statusOf(store.get(params.taskId)) }),

    async createTask({ params, body, authorize }) {
      const task = defineTask(params.taskId, body as TaskRequest);
      await authorize(scopesOf(task));
      return { status: statusOf(await createTask(queue, task)) };
    },

    async scheduleTask({ params, authorize }) {
      const task = store.get(params.taskId);
      await authorize(namesOf(task));
      return { status: statusOf(await scheduleTask(queue, task, publisher.publish)) };
    },

    async rerunTask({ params, authorize }) {
      const task = store.get(params.taskId);
      await authorize(namesOf(task));
      return { status: statusOf(await rerunTask(queue, task, publisher.publish)) };
    },

    async cancelTask({ params, authorize }) {
      const task = store.get(params.taskId);
      await authorize(namesOf(task));
      return { status: statusOf(await cancelTask(queue, task)) };
    },
  };
}

function namesOf({ taskId, schedulerId, taskGroupId, projectId }: Task) {
  return { taskId, schedulerId, taskGroupId, projectId };
}

/** Who may create tasks of a priority may create those of a lower one. */
function scopesOf(task: Task) {
  const { provisionerId, workerType, scopes, routes } = task;
  const priorities = PRIORITIES.slice(0, PRIORITIES.indexOf(task.priority) + 1);
  return { ...namesOf(task), provisionerId, workerType, scopes, routes, priorities };
}
