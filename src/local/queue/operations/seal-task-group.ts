import { taskGroupSealed } from '../messages.ts';
import type { Queue } from '../queue.ts';
import type { TaskGroup } from '../tasks/task-group.ts';

/** Seals a group, so that it accepts no more tasks. Sealing it again announces it again. */
export async function sealTaskGroup(
  { store, clock, publisher }: Queue,
  group: TaskGroup,
): Promise<TaskGroup> {
  const sealed = { ...group, sealed: group.sealed ?? clock.now() };
  store.groups.set(group.taskGroupId, sealed);
  await publisher.publish(taskGroupSealed(sealed));
  return sealed;
}
