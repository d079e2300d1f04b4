import { describe, expect, it } from 'vitest';

import { refusalOf, startQueue, type QueueUnderTest } from './queue-under-test.ts';
import { createTestClock } from './test-clock.ts';
import { waitFor } from '../wait-for.ts';

async function runsOf(queue: QueueUnderTest, taskId: string) {
  return (await queue.root.status(taskId)).status.runs;
}

describe('a message that the broker does not accept', () => {
  it('fails the call, which may be repeated', async () => {
    let broken = true;
    const errors: unknown[] = [];
    await using queue = await startQueue({
      publish: async () => {
        if (broken) throw new Error('no broker');
      },
      onError: error => errors.push(error),
    });
    const itself = 'AAAAAAAAQAGAAAAAAAAAAA';
    const definition = queue.define();
    expect(await refusalOf(queue.root.createTask(itself, definition))).toMatchObject({
      status: 500,
      code: 'InternalServerError',
    });
    expect(errors).toEqual([new Error('no broker')]);
    broken = false;
    expect((await queue.root.createTask(itself, definition)).status.state).toBe('pending');
    const { run } = await queue.claim();
    broken = true;
    expect(await refusalOf(run.reportCompleted(itself, 0))).toMatchObject({ status: 500 });
    broken = false;
    expect((await run.reportCompleted(itself, 0)).status.state).toBe('completed');
  });

  it('loses no run: a claim that could not be announced is pending again', async () => {
    let broken = false;
    await using queue = await startQueue({
      publish: async () => {
        if (broken) throw new Error('no broker');
      },
    });
    const taskId = await queue.create();
    broken = true;
    expect(await refusalOf(queue.claim())).toMatchObject({ status: 500, code: 'InternalServerError' });
    expect(await runsOf(queue, taskId)).toMatchObject([{ state: 'pending' }]);
    broken = false;
    expect((await queue.claim()).claim.status.taskId).toBe(taskId);
  });

  it('does not prevent dependent tasks from starting', async () => {
    let broken = false;
    await using queue = await startQueue({
      publish: async ({ exchange }) => {
        if (broken && exchange.endsWith('task-completed')) throw new Error('no broker');
      },
    });
    const first = await queue.create();
    const second = await queue.create({ dependencies: [first] });
    const { run } = await queue.claim();
    broken = true;
    expect(await refusalOf(run.reportCompleted(first, 0))).toMatchObject({ status: 500 });
    await waitFor(async () => expect(await runsOf(queue, second)).toMatchObject([{ state: 'pending' }]));
  });

  it('leaves the rest of a group to the next cancelTaskGroup', async () => {
    let broken = false;
    const taken: string[] = [];
    await using queue = await startQueue({
      publish: async ({ exchange, routingKey }) => {
        if (broken) throw new Error('no broker');
        if (exchange.endsWith('task-exception')) taken.push(routingKey.split('.')[1] ?? '');
      },
    });
    const first = await queue.create();
    const second = await queue.create({ taskGroupId: first });
    const dependent = await queue.create({ dependencies: [first], requires: 'all-resolved' });
    await queue.root.sealTaskGroup(first);
    broken = true;
    expect(await refusalOf(queue.root.cancelTaskGroup(first))).toMatchObject({ status: 500 });
    expect(await runsOf(queue, dependent)).toEqual([]);
    broken = false;
    expect(await queue.root.cancelTaskGroup(first)).toMatchObject({ taskIds: [first, second] });
    expect(taken).toEqual([first, second]);
    await waitFor(async () => expect(await runsOf(queue, dependent)).toMatchObject([{ state: 'pending' }]));
  });

  it('is sent again if no caller waits for it', async () => {
    const clock = createTestClock();
    const taken: string[] = [];
    let broken = false;
    await using queue = await startQueue({
      clock,
      claimTimeoutMs: 25_000,
      publish: async ({ exchange }) => {
        if (broken) throw new Error('no broker');
        taken.push(exchange.split('/').at(-1) ?? '');
      },
    });
    await queue.create();
    await queue.claim();
    broken = true;
    await clock.advance(60_000);
    expect(taken).toEqual(['task-defined', 'task-pending', 'task-running']);
    broken = false;
    await clock.advance(1_000);
    expect(taken.slice(3)).toEqual(['task-exception', 'task-pending']);
  });
});
