import * as fc from 'fast-check';
import { expect } from 'vitest';

import { ApiError } from '../../../src/local/errors.ts';
import { cancelTask } from '../../../src/local/queue/operations/cancel-task.ts';
import {
  changeTaskGroupPriority,
  changeTaskPriority,
} from '../../../src/local/queue/operations/change-priority.ts';
import { claimWork } from '../../../src/local/queue/operations/claim-work.ts';
import { createTask } from '../../../src/local/queue/operations/create-task.ts';
import { reclaimTask } from '../../../src/local/queue/operations/reclaim-task.ts';
import { reportEnded, reportException } from '../../../src/local/queue/operations/report-run.ts';
import { rerunTask, scheduleTask } from '../../../src/local/queue/operations/schedule-task.ts';
import { defineTask } from '../../../src/local/queue/tasks/definition.ts';
import { PRIORITIES, type Task } from '../../../src/local/queue/tasks/task.ts';
import { slugid } from '../../../src/local/slugid.ts';
import { checkAll } from './check-all.ts';
import type { QueueAtHand } from './queue-at-hand.ts';
import { CLAIM_TIMEOUT, TASK_QUEUE_ID, type ModelTask, type QueueModel } from './queue-model.ts';

const GROUP = slugid();
const STEP = 100;

type Command = fc.AsyncCommand<QueueModel, QueueAtHand>;

/** What happens to the queue, with what the model expects of it. Everything is checked after each. */
function command(name: string, run: (model: QueueModel, real: QueueAtHand) => Promise<unknown>): Command {
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
function onTask(
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
async function expectCall(isAllowed: boolean, call: () => Promise<unknown>): Promise<boolean> {
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

const index = fc.nat({ max: 7 });
const priority = fc.constantFrom(...PRIORITIES);
const workerId = fc.constantFrom('w1', 'w2');

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

const claim = fc.tuple(workerId, fc.integer({ min: 1, max: 3 })).map(([worker, count]) =>
  command(`claim ${count} for ${worker}`, async (model, { queue }) => {
    const patience = new AbortController();
    const call = claimWork(
      queue,
      TASK_QUEUE_ID,
      { workerGroup: 'g', workerId: worker },
      count,
      patience.signal,
    );
    patience.abort();
    const claims = await call;
    const line = model.quarantined.has(worker) ? [] : model.claimable().slice(0, count);
    const kind = ({ priority: its, runs }: ModelTask) => [its, runs.at(-1)?.scheduled];
    const claimed = claims.flatMap(({ status }) => model.tasks.get(status.taskId) ?? []);
    expect(claimed.map(kind), 'the highest priority first, then the oldest').toEqual(line.map(kind));
    expect(new Set(claimed).size, 'no run is given twice').toBe(claims.length);
    for (const task of claimed) {
      expect(model.stateOf(task), 'only what is pending is given').toBe('pending');
      model.claim(task, worker);
    }
  }),
);

const reclaim = index.map(each =>
  onTask('reclaim', each, async (model, task, { queue }) => {
    const runId = task.runs.length - 1;
    const run = task.runs[runId];
    if (!run) return;
    const isAllowed = run.state === 'running' && task.deadline > model.now;
    await expectCall(isAllowed, async () => reclaimTask(queue, task.taskId, runId));
    if (isAllowed) task.runs[runId] = { ...run, takenUntil: model.now + CLAIM_TIMEOUT };
  }),
);

const reportEnd = fc
  .tuple(index, fc.nat({ max: 3 }), fc.constantFrom('completed' as const, 'failed' as const))
  .map(([each, anyRun, state]) =>
    onTask(`report ${state} of run ${anyRun} of`, each, async (model, task, { queue }) => {
      if (task.runs.length === 0) return;
      const runId = anyRun % task.runs.length;
      const isLast = runId === task.runs.length - 1;
      const before = task.runs[runId]?.state;
      const isAllowed = isLast && (before === 'running' || before === state);
      await expectCall(isAllowed, () => reportEnded(queue, task.taskId, runId, state));
      if (!isAllowed) return;
      if (before === 'running') model.end(task, state, state);
      else {
        model.announce(`task-${state}`, task.taskId, runId);
        model.release(task.taskId, state);
      }
    }),
  );

const REASONS = ['worker-shutdown', 'intermittent-task', 'malformed-payload', 'internal-error'] as const;

const RETRIES: Partial<Record<(typeof REASONS)[number], 'retry' | 'task-retry'>> = {
  'worker-shutdown': 'retry',
  'intermittent-task': 'task-retry',
};

const reportExceptionOf = fc
  .tuple(index, fc.nat({ max: 3 }), fc.constantFrom(...REASONS))
  .map(([each, anyRun, reason]) =>
    onTask(`report ${reason} of run ${anyRun} of`, each, async (model, task, { queue }) => {
      if (task.runs.length === 0) return;
      const runId = anyRun % task.runs.length;
      const run = task.runs[runId];
      const isAllowed =
        run?.state === 'running' || (run?.reasonResolved === reason && task.runs.length <= runId + 2);
      await expectCall(isAllowed, () => reportException(queue, task.taskId, runId, reason));
      if (!isAllowed) return;
      if (run?.state === 'running') {
        model.end(task, 'exception', reason, RETRIES[reason]);
        return;
      }
      model.announce('task-exception', task.taskId, runId);
      const next = task.runs[runId + 1];
      if (!next?.reasonCreated.includes('retry')) model.release(task.taskId, 'exception');
      else if (next.state === 'pending') model.announce('task-pending', task.taskId, runId + 1);
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

const quarantine = fc.tuple(workerId, fc.boolean()).map(([worker, isOn]) =>
  command(`${isOn ? 'quarantine' : 'release'} ${worker}`, async (model, { queue, clock }) => {
    const name = { taskQueueId: TASK_QUEUE_ID, workerGroup: 'g', workerId: worker };
    queue.workers.seen(name, clock.now());
    const quarantineUntil = isOn ? Infinity : 0;
    const rest = { clientId: 'me', updatedAt: clock.now(), quarantineInfo: '' };
    queue.workers.quarantine(name, { ...rest, quarantineUntil });
    if (isOn) model.quarantined.add(worker);
    else model.quarantined.delete(worker);
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
