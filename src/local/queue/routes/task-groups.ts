import type { QueueApi } from '../../../taskcluster/index.ts';
import { ApiError } from '../../errors.ts';
import type { Handlers } from '../../http/call.ts';
import { pageOf } from '../../http/pages.ts';
import { changeTaskGroupPriority } from '../operations/change-priority.ts';
import { cancelTaskGroup } from '../operations/cancel-task.ts';
import { sealTaskGroup } from '../operations/seal-task-group.ts';
import type { Queue } from '../queue.ts';
import { describeGroup, type TaskGroup } from '../tasks/task-group.ts';
import { definitionOf, statusOf } from '../tasks/task.ts';

/** The calls about task groups. */
export function taskGroupCalls(queue: Queue): Handlers<QueueApi> {
  const { store } = queue;

  function find(taskGroupId: string): TaskGroup {
    const group = store.groups.get(taskGroupId);
    if (!group) throw new ApiError('ResourceNotFound', `Task group \`${taskGroupId}\` does not exist.`);
    return group;
  }

  return {
    getTaskGroup: ({ params }) => describeGroup(find(params.taskGroupId)),

    listTaskGroup({ params, query }) {
      const group = find(params.taskGroupId);
      const { items, ...rest } = pageOf([...group.taskIds], query);
      const tasks = items
        .map(taskId => store.get(taskId))
        .map(task => ({ status: statusOf(task), task: definitionOf(task) }));
      return { ...describeGroup(group), tasks, ...rest };
    },

    async sealTaskGroup({ params, authorize }) {
      const group = find(params.taskGroupId);
      await authorize({ taskGroupId: group.taskGroupId, schedulerId: group.schedulerId });
      return describeGroup(await sealTaskGroup(queue, group));
    },

    async changeTaskGroupPriority({ params, body: { newPriority }, authorize }) {
      const group = find(params.taskGroupId);
      const { taskGroupId, schedulerId } = group;
      await authorize({ taskGroupId, schedulerId });
      const taskIds = (await changeTaskGroupPriority(queue, group, newPriority)).map(({ taskId }) => taskId);
      return { taskGroupId, schedulerId, newPriority, tasksAffected: taskIds.length, taskIds };
    },

    async cancelTaskGroup({ params, authorize }) {
      const group = find(params.taskGroupId);
      const { taskGroupId, schedulerId } = group;
      await authorize({ taskGroupId, schedulerId });
      const taskIds = (await cancelTaskGroup(queue, group)).map(({ taskId }) => taskId);
      return { taskGroupSize: group.taskIds.size, taskIds, cancelledCount: taskIds.length, taskGroupId };
    },
  };
}
