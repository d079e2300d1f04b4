import type { QueueApi } from '../../../taskcluster/index.ts';
import type { Handlers } from '../../http/call.ts';
import { pageOf } from '../../http/pages.ts';
import { changeTaskPriority } from '../operations/change-priority.ts';
import { cancelTask } from '../operations/cancel-task.ts';
import { createTask } from '../operations/create-task.ts';
import { rerunTask, scheduleTask } from '../operations/schedule-task.ts';
import type { Queue } from '../queue.ts';
import { defineTask, type TaskRequest } from '../tasks/definition.ts';
import { definitionOf, PRIORITIES, statusOf, type Task } from '../tasks/task.ts';

/** The calls about single tasks, except those of workers. */
export function taskCalls(queue: Queue): Handlers<QueueApi> {
  const { store, publisher } = queue;
  /** Returns the existing tasks among these, without duplicates. */
  const known = (taskIds: readonly string[]): Task[] =>
    [...new Set(taskIds)].flatMap(taskId => store.find(taskId) ?? []);

  return {
    task: ({ params }) => definitionOf(store.get(params.taskId)),

    status: ({ params }) => ({ status: statusOf(store.get(params.taskId)) }),

    async tasks({ body: { taskIds = [] }, query, authorize }) {
      await authorize({ taskIds });
      const { items, ...rest } = pageOf(known(taskIds), query);
      return { tasks: items.map(task => ({ taskId: task.taskId, task: definitionOf(task) })), ...rest };
    },

    async statuses({ body: { taskIds = [] }, query, authorize }) {
      await authorize({ taskIds });
      const { items, ...rest } = pageOf(known(taskIds), query);
      return { statuses: items.map(task => ({ taskId: task.taskId, status: statusOf(task) })), ...rest };
    },

    listDependentTasks({ params: { taskId }, query }) {
      store.get(taskId);
      const { items, ...rest } = pageOf(known(queue.dependencies.dependentsOf(taskId)), query);
      return {
        taskId,
        tasks: items.map(task => ({ status: statusOf(task), task: definitionOf(task) })),
        ...rest,
      };
    },

    async changeTaskPriority({ params, body: { newPriority }, authorize }) {
      const task = store.get(params.taskId);
      await authorize({ taskId: task.taskId, taskQueueId: task.taskQueueId });
      return { status: statusOf(await changeTaskPriority(queue, task, newPriority)) };
    },

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

/** Whoever may create tasks of one priority may create tasks of a lower one. */
function scopesOf(task: Task) {
  const { provisionerId, workerType, scopes, routes } = task;
  const priorities = PRIORITIES.slice(0, PRIORITIES.indexOf(task.priority) + 1);
  return { ...namesOf(task), provisionerId, workerType, scopes, routes, priorities };
}
