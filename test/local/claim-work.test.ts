import { describe, expect, it } from 'vitest';

import { refusalOf, startQueue, TASK_QUEUE_ID, WORKER, type QueueUnderTest } from './queue-under-test.ts';

/** The ids of the tasks that a worker is given. */
async function claimIds(queue: QueueUnderTest, tasks: number): Promise<string[]> {
  const claims = await queue.worker.claimWork(TASK_QUEUE_ID, { ...WORKER, tasks });
  return claims.tasks.map(({ status }) => status.taskId);
}

describe('claimWork', () => {
  it('returns a run with its task and credentials', async () => {
    await using queue = await startQueue({ claimTimeoutMs: 60_000 });
    const taskId = await queue.create({ routes: ['a.b'], tags: { kind: 'test' }, scopes: ['secret:x'] });
    const { claim } = await queue.claim();
    const run = claim.status.runs[0];
    expect(claim).toMatchObject({ runId: 0, ...WORKER, task: await queue.root.task(taskId) });
    expect(claim.status).toEqual((await queue.root.status(taskId)).status);
    expect(run).toMatchObject({ state: 'running', reasonCreated: 'scheduled', ...WORKER });
    expect(Date.parse(run?.takenUntil ?? '') - Date.parse(run?.started ?? '')).toBe(60_000);
    expect(claim.credentials.clientId).toBe(
      `task-client/${taskId}/0/on/group/worker-1/until/${Date.parse(run?.takenUntil ?? '') / 1000}`,
    );
  });

  it('formats the end of the claim like PostgreSQL, and in the status as everywhere', async () => {
    await using queue = await startQueue();
    await queue.create();
    const { claim } = await queue.claim();
    const takenUntil = claim.status.runs[0]?.takenUntil;
    expect(takenUntil).toMatch(/\.\d{3}Z$/);
    expect(claim.takenUntil).toMatch(/:\d\d(\.\d{0,2}[1-9])?\+00:00$/);
    expect(Date.parse(claim.takenUntil)).toBe(Date.parse(takenUntil ?? ''));
  });

  it('announces the run as running', async () => {
    await using queue = await startQueue();
    const tags = { kind: 'test' };
    const taskId = await queue.create({ routes: ['a.b'], tags });
    const { claim } = await queue.claim();
    const { status, runId, workerGroup, workerId, takenUntil } = claim;
    expect(queue.messages.at(-1)).toEqual({
      exchange: 'exchange/taskcluster-queue/v1/task-running',
      routingKey: `primary.${taskId}.0.group.worker-1.proj-test.pool.-.${taskId}._`,
      routes: ['route.a.b'],
      body: { status, runId, workerGroup, workerId, takenUntil, task: { tags }, version: 1 },
    });
  });

  it('returns the highest priority first, and the oldest of the same priority', async () => {
    await using queue = await startQueue();
    const create = (priority: 'lowest' | 'low' | 'highest') => queue.create({ priority });
    const [a, b, c, d, e] = [
      await create('lowest'),
      await create('highest'),
      await create('low'),
      await create('lowest'),
      await create('highest'),
    ];
    expect(await claimIds(queue, 2)).toEqual([b, e]);
    expect(await claimIds(queue, 32)).toEqual([c, a, d]);
  });

  it('returns what is pending, and no more than requested', async () => {
    await using queue = await startQueue();
    for (let i = 0; i < 35; i++) await queue.create();
    expect(await claimIds(queue, 32)).toHaveLength(32);
    expect(await claimIds(queue, 2)).toHaveLength(2);
    expect(await claimIds(queue, 32)).toHaveLength(1);
  });

  it('refuses to return more than 32', async () => {
    await using queue = await startQueue();
    expect(await refusalOf(claimIds(queue, 33))).toEqual({
      status: 400,
      code: 'InputValidationError',
      text: [
        '',
        'Schema Validation Failed!',
        `Rejecting Schema: ${queue.rootUrl}/schemas/queue/v1/claim-work-request.json#`,
        'Errors:',
        '  * data/tasks must be <= 32',
      ].join('\n'),
    });
  });

  it('returns each run once, however many workers ask at the same time', async () => {
    await using queue = await startQueue();
    for (let i = 0; i < 12; i++) await queue.create();
    const claims = await Promise.all(Array.from({ length: 6 }, () => claimIds(queue, 2)));
    expect(new Set(claims.flat()).size).toBe(12);
  });

  it('returns nothing of another task queue', async () => {
    await using queue = await startQueue({ longPollMs: 50 });
    await queue.create({ taskQueueId: 'proj-test/other' });
    expect(await claimIds(queue, 1)).toEqual([]);
  });

  it('needs the scopes for the task queue and for the worker, with the message of the real queue', async () => {
    await using queue = await startQueue();
    const scopes = [`queue:claim-work:${TASK_QUEUE_ID}`, 'queue:worker-id:group/worker-1'];
    const all = JSON.stringify({ AllOf: scopes }, null, 2);
    const text = (clientId: string, missing: string, required: string) =>
      [
        `Client ID ${clientId} does not have sufficient scopes and is missing the following scopes:`,
        '```\n' + missing + '\n```',
        'This request requires the client to satisfy the following scope expression:',
        '```\n' + required + '\n```',
      ].join('\n\n');
    expect(await refusalOf(queue.nobody.claimWork(TASK_QUEUE_ID, { ...WORKER, tasks: 1 }))).toEqual({
      status: 403,
      code: 'InsufficientScopes',
      text: text('test/nobody', all, all),
    });
    const other = queue.worker.claimWork(TASK_QUEUE_ID, { workerGroup: 'other', workerId: 'w', tasks: 1 });
    expect(await refusalOf(other)).toEqual({
      status: 403,
      code: 'InsufficientScopes',
      text: text(
        'test/worker',
        'queue:worker-id:other/w',
        all.replace('queue:worker-id:group/worker-1', 'queue:worker-id:other/w'),
      ),
    });
  });
});

describe('pendingTasks and taskQueueCounts', () => {
  it('count pending and claimed runs', async () => {
    await using queue = await startQueue();
    await queue.create();
    const taskId = await queue.create();
    const { claim, run } = await queue.claim();
    const name = { provisionerId: 'proj-test', workerType: 'pool', taskQueueId: TASK_QUEUE_ID };
    expect(await queue.root.pendingTasks(TASK_QUEUE_ID)).toEqual({ ...name, pendingTasks: 1 });
    expect(await queue.root.taskQueueCounts(TASK_QUEUE_ID)).toEqual({
      ...name,
      pendingTasks: 1,
      claimedTasks: 1,
    });
    await run.reportCompleted(claim.status.taskId, 0);
    await queue.root.cancelTask(taskId);
    expect(await queue.root.taskQueueCounts(TASK_QUEUE_ID)).toEqual({
      ...name,
      pendingTasks: 0,
      claimedTasks: 0,
    });
  });

  it('are refused to workers without the scopes', async () => {
    await using queue = await startQueue();
    expect(await refusalOf(queue.worker.pendingTasks(TASK_QUEUE_ID))).toMatchObject({ status: 403 });
  });

  it('accept an unknown task queue', async () => {
    await using queue = await startQueue();
    expect((await queue.root.pendingTasks('proj-test/unheard-of')).pendingTasks).toBe(0);
  });
});
