import { describe, expect, it } from 'vitest';

import {
  startQueue,
  TASK_QUEUE_ID,
  WORKER,
  type QueueUnderTest,
  type TestClient,
} from './queue-under-test.ts';
import { createTestClock, type TestClock } from './test-clock.ts';
import { waitFor } from '../wait-for.ts';

interface Poll {
  /** Undefined while the call is open. */
  claimed: string[] | undefined;
  readonly answer: Promise<string[]>;
}

/** Opens a `claimWork` call, and waits until the queue has it. */
async function open(
  queue: QueueUnderTest,
  clock: TestClock,
  tasks = 1,
  client: TestClient = queue.worker,
): Promise<Poll> {
  const alarms = clock.alarms();
  const answer = client
    .claimWork(TASK_QUEUE_ID, { ...WORKER, tasks })
    .then(answer => answer.tasks.map(({ status }) => status.taskId));
  const poll: Poll = { claimed: undefined, answer };
  answer.then(
    claimed => (poll.claimed = claimed),
    () => undefined,
  );
  await waitFor(() => expect(poll.claimed !== undefined || clock.alarms() > alarms).toBe(true));
  return poll;
}

/** Lets answers that are under way arrive. */
async function settled(queue: QueueUnderTest): Promise<void> {
  await queue.anonymous.ping();
}

describe('a claimWork without pending tasks', () => {
  it('returns nothing after 20 s', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    const poll = await open(queue, clock);
    await clock.advance(19_999);
    await settled(queue);
    expect(poll.claimed).toBeUndefined();
    await clock.advance(1);
    expect(await poll.answer).toEqual([]);
  });

  it('checks again after 1,000 ms, and not before', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    const poll = await open(queue, clock);
    await clock.advance(300);
    const taskId = await queue.create();
    await clock.advance(699);
    expect(queue.published()).not.toContain('task-running');
    await clock.advance(1);
    expect(await poll.answer).toEqual([taskId]);
  });

  it('checks repeatedly', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    const poll = await open(queue, clock);
    await clock.advance(7_500);
    const taskId = await queue.create();
    await clock.advance(500);
    expect(await poll.answer).toEqual([taskId]);
  });

  it('keeps waiting while only tasks past their deadline are pending', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock, deadlineDelayMs: 3_600_000 });
    await queue.create({ deadline: new Date(clock.now() + 10_000).toISOString() });
    await clock.advance(10_000);
    expect((await queue.root.pendingTasks(TASK_QUEUE_ID)).pendingTasks).toBe(0);
    const poll = await open(queue, clock);
    await clock.advance(20_000);
    expect(await poll.answer).toEqual([]);
  });

  it('is answered when the queue is closed', async () => {
    const clock = createTestClock();
    const queue = await startQueue({ clock });
    const poll = await open(queue, clock);
    await queue.close();
    expect(await poll.answer).toEqual([]);
  });
});

describe('the calls of a task queue share one check', () => {
  it('so a call that arrives during the pause of another waits for it, even if tasks are pending', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    const first = await open(queue, clock);
    await clock.advance(400);
    const tasks = [await queue.create(), await queue.create()];
    await clock.advance(200);
    const second = await open(queue, clock);
    await clock.advance(399);
    await settled(queue);
    expect([first.claimed, second.claimed]).toEqual([undefined, undefined]);
    await clock.advance(1);
    expect([await first.answer, await second.answer]).toEqual(tasks.map(taskId => [taskId]));
  });

  it('and are served in the order of arrival, each with its own number of tasks', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    const polls = [await open(queue, clock, 1), await open(queue, clock, 3), await open(queue, clock, 2)];
    const tasks: string[] = [];
    for (let i = 0; i < 5; i++) tasks.push(await queue.create());
    await clock.advance(1_000);
    const claimed = await Promise.all(polls.map(({ answer }) => answer));
    expect(claimed).toEqual([tasks.slice(0, 1), tasks.slice(1, 4), tasks.slice(4)]);
  });

  it('but not with those of another task queue', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    await open(queue, clock);
    const taskId = await queue.create({ taskQueueId: 'proj-test/other' });
    const other = await queue.root.claimWork('proj-test/other', { ...WORKER, tasks: 1 });
    expect(other.tasks.map(({ status }) => status.taskId)).toEqual([taskId]);
  });

  it('and do not wait if no other call is open', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    const first = await open(queue, clock);
    const tasks = [await queue.create(), await queue.create()];
    await clock.advance(1_000);
    expect(await first.answer).toEqual(tasks.slice(0, 1));
    expect(await (await open(queue, clock)).answer).toEqual(tasks.slice(1));
  });
});

describe('a claimWork whose client disconnects', () => {
  const IMPATIENCE = { timeout: 1_000 };

  /** Opens a call whose client gives up, and waits until the queue knows it. */
  async function abandon(queue: QueueUnderTest, clock: TestClock): Promise<void> {
    const before = clock.alarms();
    const poll = await open(queue, clock, 1, queue.connect(queue.credentials.worker, IMPATIENCE));
    await expect(poll.answer).rejects.toThrow();
    // What is left is the sleep that the others join.
    await waitFor(() => expect(clock.alarms()).toBe(before + 1));
  }

  it('claims nothing afterwards', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    await abandon(queue, clock);
    const taskId = await queue.create();
    await clock.advance(30_000);
    expect((await queue.root.status(taskId)).status.state).toBe('pending');
  });

  it('leaves its pause to the next call', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    await abandon(queue, clock);
    await clock.advance(500);
    const taskId = await queue.create();
    const next = await open(queue, clock);
    await clock.advance(499);
    await settled(queue);
    expect(next.claimed).toBeUndefined();
    await clock.advance(1);
    expect(await next.answer).toEqual([taskId]);
  });

  it('leaves no pause after the end of its own', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    await abandon(queue, clock);
    await clock.advance(1_000);
    const taskId = await queue.create();
    expect(await (await open(queue, clock)).answer).toEqual([taskId]);
  });

  it('at the moment of the claim has claimed the task, and the claim is lost', async () => {
    const clock = createTestClock();
    let goAway: Promise<unknown> = Promise.resolve();
    await using queue = await startQueue({
      clock,
      publish: async ({ exchange }) => {
        if (exchange.endsWith('task-running')) await goAway;
      },
    });
    const taskId = await queue.create();
    const client = queue.connect(queue.credentials.worker, IMPATIENCE);
    goAway = new Promise(resolve => {
      const call = client.claimWork(TASK_QUEUE_ID, { ...WORKER, tasks: 1 });
      call.catch(resolve);
    });
    await goAway;
    const { status } = await queue.root.status(taskId);
    expect(status.runs).toEqual([expect.objectContaining({ state: 'running', ...WORKER })]);
    const again = await open(queue, clock);
    await clock.advance(20_000);
    expect(await again.answer).toEqual([]);
  });
});
