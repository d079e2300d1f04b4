import { taskGroupSealed } from '../messages.ts';
import type { Queue } from '../queue.ts';
import type { TaskGroup } from '../tasks/task-group.ts';

/** Lets a group take no more tasks. Sealing it again changes nothing, and is announced again. */
export async function sealTaskGroup(
  { store, clock, publisher }: Queue,
  group: TaskGroup,
): Promise<TaskGroup> {
  const sealed = { ...group, sealed: group.sealed ?? clock.now() };
  store.groups.set(group.taskGroupId, sealed);
  await publisher.publish(taskGroupSealed(sealed));
  return sealed;
}
