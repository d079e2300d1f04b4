import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { createPendingRuns } from '../../src/local/queue/tasks/pending-runs.ts';
import { PRIORITIES, type Task } from '../../src/local/queue/tasks/task.ts';

const TASK: Task = {
  taskId: '',
  provisionerId: 'p',
  workerType: 'w',
  taskQueueId: 'p/w',
  schedulerId: '-',
  projectId: 'none',
  taskGroupId: '',
  dependencies: [],
  requires: 'all-completed',
  routes: [],
  priority: 'lowest',
  retries: 0,
  created: 0,
  deadline: 10,
  expires: 10,
  scopes: [],
  payload: {},
  metadata: { name: '', description: '', owner: '', source: '' },
  tags: {},
  extra: {},
  retriesLeft: 0,
  runs: [{ state: 'pending', reasonCreated: 'scheduled', scheduled: 0 }],
};

const tasks = fc
  .array(fc.record({ priority: fc.constantFrom(...PRIORITIES), deadline: fc.nat(10), removed: fc.boolean() }))
  .map(drafts => drafts.map((draft, index) => ({ ...TASK, ...draft, taskId: `T${index}` })));

describe('the pending runs of a task queue', () => {
  it('are ordered by priority and then by age, without those past their deadline', () => {
    fc.assert(
      fc.property(tasks, fc.nat(10), fc.array(fc.integer({ min: 1, max: 32 })), (all, now, counts) => {
        const pending = createPendingRuns();
        for (const task of all) pending.add(task);
        for (const task of all) if (task.removed) pending.remove(task);
        const left = all.filter(({ removed, deadline }) => !removed && deadline > now);
        const expected = PRIORITIES.flatMap(priority => left.filter(task => task.priority === priority));
        for (const count of counts) {
          expect(pending.count(TASK.taskQueueId, now)).toBe(expected.length);
          const taken = pending.take(TASK.taskQueueId, count, now);
          expect(taken.map(({ taskId }) => taskId)).toEqual(
            expected.splice(0, count).map(({ taskId }) => taskId),
          );
        }
      }),
    );
  });

  it('do not include those of another task queue', () => {
    const pending = createPendingRuns();
    pending.add(TASK);
    expect(pending.take('p/other', 1, 0)).toEqual([]);
    expect(pending.count('p/other', 0)).toBe(0);
  });
});
