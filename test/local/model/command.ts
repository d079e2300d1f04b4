import type * as fc from 'fast-check';
import { expect } from 'vitest';

import { ApiError } from '../../../src/local/errors.ts';
import type { Task } from '../../../src/local/queue/tasks/task.ts';
import { checkAll } from './check-all.ts';
import type { QueueAtHand } from './queue-at-hand.ts';
import type { ModelTask, QueueModel } from './queue-model.ts';

type Command = fc.AsyncCommand<QueueModel, QueueAtHand>;

/** What happens to the queue, with what the model expects of it. Everything is checked after each. */
export function command(
  name: string,
  run: (model: QueueModel, real: QueueAtHand) => Promise<unknown>,
): Command {
  return {
    check: () => true,
    toString: () => name,
    async run(model, real) {
      await run(model, real);
      await real.clock.advance(0);
      checkAll(model, real);
    },
  };
}

/** A command for one of the tasks, if there are any: of every second index, one that is running, if one is. */
export function onTask(
  name: string,
  index: number,
  run: (model: QueueModel, task: ModelTask, real: QueueAtHand, stored: Task) => Promise<unknown>,
): Command {
  return {
    ...command(`${name} #${index}`, async (model, real) => {
      const all = [...model.tasks.values()];
      const running = all.filter(each => model.stateOf(each) === 'running');
      const tasks = index % 2 === 0 && running.length > 0 ? running : all;
      const task = tasks[index % tasks.length];
      if (task) await run(model, task, real, real.queue.store.get(task.taskId));
    }),
    check: model => model.tasks.size > 0,
  };
}

/** Whether a call is refused, as the model says; anything but a refusal is a bug. */
export async function expectCall(isAllowed: boolean, call: () => Promise<unknown>): Promise<boolean> {
  const refused = await call().then(
    () => false,
    (error: unknown) => {
      if (error instanceof ApiError && error.code === 'RequestConflict') return true;
      throw error;
    },
  );
  expect(refused ? 'refused' : 'allowed').toBe(isAllowed ? 'allowed' : 'refused');
  return isAllowed;
}
