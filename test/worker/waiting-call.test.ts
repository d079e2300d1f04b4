import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Queue } from '../../src/taskcluster/index.ts';
import { waitFor } from '../wait-for.ts';
import { deployment, sh, type Deployment } from './deployment.ts';

const WORKERS = 6;
/** More tasks than are needed, in case the machine is slow. */
const MAX_TASKS = 100;
const BETWEEN_TASKS_MS = 150;

describe('a call for work that finds nothing in a busy pool', () => {
  let here: Deployment;
  afterEach(() => here.close());

  it('takes a notice that wakes no other worker, so that soon no call stays open', async () => {
    here = await deployment({ checkIntervalMs: 1_000, longPollMs: 20_000 });
    const calls = { open: 0, made: 0 };
    const watch = (queue: Queue): Queue => ({
      ...queue,
      claimWork: async tasks => {
        calls.made++;
        calls.open++;
        try {
          return await queue.claimWork(tasks);
        } finally {
          calls.open--;
        }
      },
    });
    for (let count = 0; count < WORKERS; count++) await here.startWorker({}, { watch });
    const running = await here.createTask(sh('sleep 600'));
    await here.running(running);
    // Another worker believes the notice, and asks for a task that is gone.
    await here.repeat('task-pending', running);
    await waitFor(() => {
      expect(calls).toEqual({ open: 1, made: 2 });
    });
    const created: string[] = [];
    while (calls.open > 0 && created.length < MAX_TASKS) {
      created.push(await here.createTask(sh('true')));
      await sleep(BETWEEN_TASKS_MS);
    }
    expect(calls.open).toBe(0);
    for (const taskId of created) expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
  });
});
