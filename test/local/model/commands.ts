import * as fc from 'fast-check';

import { cancelTask } from '../../../src/local/queue/operations/cancel-task.ts';
import {
  changeTaskGroupPriority,
  changeTaskPriority,
} from '../../../src/local/queue/operations/change-priority.ts';
import { createTask } from '../../../src/local/queue/operations/create-task.ts';
import { rerunTask, scheduleTask } from '../../../src/local/queue/operations/schedule-task.ts';
import { defineTask } from '../../../src/local/queue/tasks/definition.ts';
import { PRIORITIES } from '../../../src/local/queue/tasks/task.ts';
import { slugid } from '../../../src/local/slugid.ts';
import { command, expectCall, onTask } from './command.ts';
import { TASK_QUEUE_ID } from './queue-model.ts';
import { claim, quarantine, reclaim, reportEnd, reportExceptionOf } from './worker-commands.ts';

const GROUP = slugid();
const STEP = 100;

const index = fc.nat({ max: 7 });
const priority = fc.constantFrom(...PRIORITIES);

const create = fc
  .record({
    dependencies: fc.uniqueArray(index, { maxLength: 2 }),
    requires: fc.constantFrom('all-completed' as const, 'all-resolved' as const),
    priority,
    retries: fc.nat({ max: 2 }),
    deadlineSteps: fc.integer({ min: 1, max: 60 }),
  })
  .map(wanted =>
    command(`create ${JSON.stringify(wanted)}`, async (model, { queue }) => {
      const tasks = [...model.tasks.keys()];
      const dependencies = [
        ...new Set(wanted.dependencies.flatMap(each => tasks[each % tasks.length] ?? [])),
      ];
      const { requires, retries } = wanted;
      const taskId = slugid();
      // Half a step off everything else, so that nothing happens at the same time as a deadline.
      const deadline = model.now + wanted.deadlineSteps * STEP + STEP / 2;
      const time = (ms: number) => new Date(ms).toISOString();
      const task = defineTask(taskId, {
        taskQueueId: TASK_QUEUE_ID,
        schedulerId: 'sched',
        projectId: 'none',
        taskGroupId: GROUP,
        dependencies,
        requires,
        routes: [],
        priority: wanted.priority,
        retries,
        created: time(model.now),
        deadline: time(deadline),
        expires: time(deadline + 86_400_000),
        scopes: [],
        payload: {},
        metadata: { name: '', description: '', owner: '', source: '' },
        tags: {},
        extra: {},
      });
      await createTask(queue, task);
      const waitsFor = new Set(dependencies);
      const known = { taskId, requires, dependencies, waitsFor, retries, deadline, runs: [] };
      model.create({ ...known, priority: wanted.priority, retriesLeft: retries });
    }),
  );

const cancel = index.map(each =>
  onTask('cancel', each, async (model, task, { queue }, stored) => {
    const isAllowed = await expectCall(!model.isPast(task), () => cancelTask(queue, stored));
    if (!isAllowed || model.stop(task, 'canceled')) return;
    if (task.runs.at(-1)?.reasonResolved !== 'canceled') return;
    model.announce('task-exception', task.taskId, task.runs.length - 1);
    model.release(task.taskId, 'exception');
  }),
);

const rerun = index.map(each =>
  onTask('rerun', each, async (model, task, { queue }, stored) => {
    const call = () => rerunTask(queue, stored, message => queue.publisher.publish(message));
    if (!(await expectCall(!model.isPast(task), call))) return;
    const state = model.stateOf(task);
    if (state === 'running') return;
    if (state === 'pending') model.announce('task-pending', task.taskId, task.runs.length - 1);
    else {
      task.retriesLeft = task.retries;
      model.addRun(task, 'rerun');
    }
  }),
);

const schedule = index.map(each =>
  onTask('schedule', each, async (model, task, { queue }, stored) => {
    const call = () => scheduleTask(queue, stored, message => queue.publisher.publish(message));
    const isAllowed = await expectCall(!model.isPast(task), call);
    if (isAllowed && task.runs.length === 0) model.addRun(task, 'scheduled');
  }),
);

const changePriority = fc.tuple(index, priority).map(([each, wanted]) =>
  onTask(`make ${wanted}`, each, async (model, task, { queue }, stored) => {
    const isOpen = !model.isPast(task) && !model.wasResolved(task);
    if (await expectCall(isOpen, () => changeTaskPriority(queue, stored, wanted))) task.priority = wanted;
  }),
);

const changeGroupPriority = priority.map(wanted =>
  command(`make all ${wanted}`, async (model, { queue }) => {
    const group = queue.store.groups.get(GROUP);
    if (!group) return;
    await changeTaskGroupPriority(queue, group, wanted);
    for (const task of model.tasks.values()) {
      if (!model.isPast(task) && !model.wasResolved(task)) task.priority = wanted;
    }
  }),
);

const pass = fc.integer({ min: 1, max: 20 }).map(steps =>
  command(`let ${steps * STEP} ms pass`, async (model, { clock }) => {
    await clock.advance(steps * STEP);
    model.advance(steps * STEP);
  }),
);

/** Everything that can happen; what makes other things possible is there twice. */
export const COMMANDS = [
  create,
  create,
  claim,
  claim,
  reclaim,
  reportEnd,
  reportExceptionOf,
  cancel,
  rerun,
  schedule,
  changePriority,
  changeGroupPriority,
  quarantine,
  pass,
];
