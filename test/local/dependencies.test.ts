import { describe, expect, it } from 'vitest';

import { refusalOf, startQueue, type QueueUnderTest } from './queue-under-test.ts';
import { waitFor } from '../wait-for.ts';

async function stateOf(queue: QueueUnderTest, taskId: string): Promise<string> {
  return (await queue.root.status(taskId)).status.state;
}

async function complete(queue: QueueUnderTest): Promise<void> {
  const { claim, run } = await queue.claim();
  await run.reportCompleted(claim.status.taskId, claim.runId);
}

describe('a task with dependencies', () => {
  it('is unscheduled until all of them have completed', async () => {
    await using queue = await startQueue();
    const dependencies = [await queue.create(), await queue.create()];
    const taskId = await queue.create({ dependencies });
    expect(await stateOf(queue, taskId)).toBe('unscheduled');
    expect(queue.published().slice(4)).toEqual(['task-defined']);
    await complete(queue);
    await complete(queue);
    await waitFor(async () => expect(await stateOf(queue, taskId)).toBe('pending'));
    const pending = queue.messages.filter(({ exchange }) => exchange.endsWith('task-pending'));
    expect(pending.at(-1)?.routingKey).toContain(`primary.${taskId}.0._._.`);
  });

  it('is pending at once if they have already completed', async () => {
    await using queue = await startQueue();
    const first = await queue.create();
    await complete(queue);
    expect(await stateOf(queue, await queue.create({ dependencies: [first] }))).toBe('pending');
  });

  it('keeps waiting after one has failed, unless requires is all-resolved', async () => {
    await using queue = await startQueue();
    const first = await queue.create();
    const strict = await queue.create({ dependencies: [first] });
    const lenient = await queue.create({ dependencies: [first], requires: 'all-resolved' });
    const { claim, run } = await queue.claim();
    await run.reportFailed(first, claim.runId);
    await waitFor(async () => expect(await stateOf(queue, lenient)).toBe('pending'));
    expect(await stateOf(queue, strict)).toBe('unscheduled');
    expect(await stateOf(queue, await queue.create({ dependencies: [first] }))).toBe('unscheduled');
    const late = await queue.create({ dependencies: [first], requires: 'all-resolved' });
    expect(await stateOf(queue, late)).toBe('pending');
  });

  it('does not start because the run of one was lost and is retried', async () => {
    await using queue = await startQueue();
    const first = await queue.create();
    const lenient = await queue.create({ dependencies: [first], requires: 'all-resolved' });
    const { run } = await queue.claim();
    await run.reportException(first, 0, { reason: 'worker-shutdown' });
    await complete(queue);
    await waitFor(async () => expect(await stateOf(queue, lenient)).toBe('pending'));
    const order = queue.messages
      .filter(({ exchange }) => /task-(completed|pending)$/.test(exchange))
      .map(({ exchange, routingKey }) => [exchange.split('/').at(-1), routingKey.split('.')[1]]);
    expect(order).toEqual([
      ['task-pending', first],
      ['task-pending', first],
      ['task-completed', first],
      ['task-pending', lenient],
    ]);
  });

  it('can be scheduled earlier, and only once', async () => {
    await using queue = await startQueue();
    const first = await queue.create();
    const taskId = await queue.create({ dependencies: [first] });
    expect((await queue.root.scheduleTask(taskId)).status.state).toBe('pending');
    expect((await queue.root.scheduleTask(taskId)).status.runs).toHaveLength(1);
    await complete(queue);
    await waitFor(() => expect(queue.published()).toContain('task-group-resolved'));
    const announced = queue.messages.filter(
      ({ exchange, routingKey }) =>
        exchange.endsWith('task-pending') && routingKey.includes(`primary.${taskId}.`),
    );
    expect(announced).toHaveLength(1);
  });

  it('may not depend on a task that expires before its own deadline', async () => {
    await using queue = await startQueue();
    const deadline = new Date(Date.now() + 60_000).toISOString();
    const first = await queue.create({ deadline, expires: deadline });
    expect(await refusalOf(queue.create({ dependencies: [first] }))).toMatchObject({
      status: 400,
      code: 'InputError',
    });
  });

  it('may depend on itself, and then waits until it is scheduled explicitly', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const itself = 'AAAAAAAAQAGAAAAAAAAAAA';
    await queue.root.createTask(itself, queue.define({ dependencies: [taskId, itself] }));
    await complete(queue);
    await waitFor(() => expect(queue.published()).toContain('task-group-resolved'));
    expect(await stateOf(queue, itself)).toBe('unscheduled');
  });
});
