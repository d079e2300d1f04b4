import * as fc from 'fast-check';
import { expect } from 'vitest';

import { claimWork } from '../../../src/local/queue/operations/claim-work.ts';
import { reclaimTask } from '../../../src/local/queue/operations/reclaim-task.ts';
import { reportEnded, reportException } from '../../../src/local/queue/operations/report-run.ts';
import { command, expectCall, onTask } from './command.ts';
import { TASK_QUEUE_ID, type ModelTask } from './queue-model.ts';

const index = fc.nat({ max: 7 });
const workerId = fc.constantFrom('w1', 'w2');

export const claim = fc.tuple(workerId, fc.integer({ min: 1, max: 3 })).map(([worker, count]) =>
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

export const reclaim = index.map(each =>
  onTask('reclaim', each, async (model, task, { queue }) => {
    const runId = task.runs.length - 1;
    const run = task.runs[runId];
    if (!run) return;
    const isAllowed = run.state === 'running' && task.deadline > model.now;
    await expectCall(isAllowed, async () => reclaimTask(queue, task.taskId, runId));
    if (isAllowed) model.keep(task);
  }),
);

export const reportEnd = fc
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

export const reportExceptionOf = fc
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

export const quarantine = fc.tuple(workerId, fc.boolean()).map(([worker, isOn]) =>
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
