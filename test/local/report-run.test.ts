import { describe, expect, it } from 'vitest';

import { refusalOf, startQueue, WORKER } from './queue-under-test.ts';

describe('reclaimTask', () => {
  it('extends the claim and returns new credentials', async () => {
    await using queue = await startQueue({ claimTimeoutMs: 60_000 });
    const taskId = await queue.create();
    const { claim, run } = await queue.claim();
    const reclaim = await run.reclaimTask(taskId, 0);
    expect(Object.keys(reclaim)).toEqual([
      'status',
      'runId',
      'workerGroup',
      'workerId',
      'takenUntil',
      'credentials',
    ]);
    expect(reclaim).toMatchObject({ runId: 0, ...WORKER });
    expect(reclaim.takenUntil).toMatch(/\.\d{3}Z$/);
    expect(Date.parse(reclaim.takenUntil)).toBeGreaterThanOrEqual(Date.parse(claim.takenUntil));
    expect(reclaim.status.runs[0]).toMatchObject({ state: 'running', takenUntil: reclaim.takenUntil });
    expect(reclaim.credentials.accessToken).not.toBe(claim.credentials.accessToken);
    expect((await queue.connect(reclaim.credentials).reportCompleted(taskId, 0)).status.state).toBe(
      'completed',
    );
    expect(queue.published().filter(name => name === 'task-running')).toHaveLength(1);
  });

  it('is refused after the run was resolved', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const { run } = await queue.claim();
    await queue.root.cancelTask(taskId);
    expect(await refusalOf(run.reclaimTask(taskId, 0))).toEqual({
      status: 409,
      code: 'RequestConflict',
      text: `Run 0 on task \`${taskId}\` is resolved or not running.`,
    });
  });

  it('fails for a run that does not exist', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    expect(await refusalOf(queue.root.reclaimTask(taskId, 1))).toMatchObject({
      status: 404,
      code: 'ResourceNotFound',
    });
  });
});

describe.each([
  ['reportCompleted', 'completed'],
  ['reportFailed', 'failed'],
] as const)('%s', (report, state) => {
  it('resolves the run, and announces that', async () => {
    await using queue = await startQueue();
    const tags = { kind: 'test' };
    const taskId = await queue.create({ routes: ['a.b'], tags });
    const { run } = await queue.claim();
    const { status } = await run[report](taskId, 0);
    expect(status).toMatchObject({ state, retriesLeft: 5 });
    expect(status.runs).toEqual([
      expect.objectContaining({ state, reasonResolved: state, resolved: expect.stringMatching(/Z$/) }),
    ]);
    expect(queue.messages.find(({ exchange }) => exchange.endsWith(`task-${state}`))).toEqual({
      exchange: `exchange/taskcluster-queue/v1/task-${state}`,
      routingKey: `primary.${taskId}.0.group.worker-1.proj-test.pool.-.${taskId}._`,
      routes: ['route.a.b'],
      body: { status, runId: 0, task: { tags }, ...WORKER, version: 1 },
    });
  });

  it('may be repeated, and is announced again', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const { run } = await queue.claim();
    expect(await run[report](taskId, 0)).toEqual(await run[report](taskId, 0));
    expect(queue.published().filter(name => name === `task-${state}`)).toHaveLength(2);
  });

  it('is refused if the run was resolved otherwise', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const { run } = await queue.claim();
    await run.reportException(taskId, 0, { reason: 'internal-error' });
    expect(await refusalOf(run[report](taskId, 0))).toEqual({
      status: 409,
      code: 'RequestConflict',
      text: `Run 0 of task \`${taskId}\` is not running or ${state}.`,
    });
  });

  it('is refused for a run that was resolved the same way after another run has started', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const { run } = await queue.claim();
    await run[report](taskId, 0);
    await queue.root.rerunTask(taskId);
    expect(await refusalOf(run[report](taskId, 0))).toMatchObject({ status: 409, code: 'RequestConflict' });
    expect((await queue.root.status(taskId)).status.state).toBe('pending');
  });

  it('is refused to everybody without the credentials of the claim', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    await queue.claim();
    const required = '```\nqueue:resolve-task:' + taskId + '/0\n```';
    expect(await refusalOf(queue.worker[report](taskId, 0))).toEqual({
      status: 403,
      code: 'InsufficientScopes',
      text: [
        'Client ID test/worker does not have sufficient scopes and is missing the following scopes:',
        required,
        'This request requires the client to satisfy the following scope expression:',
        required,
      ].join('\n\n'),
    });
    expect(await refusalOf(queue.anonymous[report](taskId, 0))).toMatchObject({ status: 403 });
  });
});

describe('reportException', () => {
  it.each(['malformed-payload', 'resource-unavailable', 'internal-error'])(
    'with %s resolves the task',
    async reason => {
      await using queue = await startQueue();
      const taskId = await queue.create();
      const { run } = await queue.claim();
      const { status } = await run.reportException(taskId, 0, { reason });
      expect(status).toMatchObject({ state: 'exception', retriesLeft: 5 });
      expect(status.runs).toEqual([expect.objectContaining({ state: 'exception', reasonResolved: reason })]);
      expect(queue.messages.filter(({ exchange }) => exchange.endsWith('task-exception'))).toEqual([
        {
          exchange: 'exchange/taskcluster-queue/v1/task-exception',
          routingKey: `primary.${taskId}.0.group.worker-1.proj-test.pool.-.${taskId}._`,
          routes: [],
          body: { status, runId: 0, task: { tags: {} }, ...WORKER, version: 1 },
        },
      ]);
    },
  );

  it.each([
    ['worker-shutdown', 'retry'],
    ['intermittent-task', 'task-retry'],
  ])('with %s creates a new run, a %s', async (reason, reasonCreated) => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const { run } = await queue.claim();
    const { status } = await run.reportException(taskId, 0, { reason });
    expect(status).toMatchObject({ state: 'pending', retriesLeft: 4 });
    expect(status.runs).toEqual([
      expect.objectContaining({ runId: 0, state: 'exception', reasonResolved: reason }),
      { runId: 1, state: 'pending', reasonCreated, scheduled: status.runs[0]?.resolved },
    ]);
    const [exception, pending] = queue.messages.slice(-2);
    expect(exception?.routingKey).toBe(`primary.${taskId}.0.group.worker-1.proj-test.pool.-.${taskId}._`);
    expect(exception?.body).toEqual({ status, runId: 0, task: { tags: {} }, ...WORKER, version: 1 });
    expect(pending?.routingKey).toBe(`primary.${taskId}.1._._.proj-test.pool.-.${taskId}._`);
    expect(pending?.body).toEqual({ status, task: { tags: {} }, runId: 1, version: 1 });
    expect((await queue.claim()).claim.runId).toBe(1);
  });

  it('creates no new run if no retries are left', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create({ retries: 0 });
    const { run } = await queue.claim();
    const { status } = await run.reportException(taskId, 0, { reason: 'worker-shutdown' });
    expect(status).toMatchObject({ state: 'exception', retriesLeft: 0 });
    expect(status.runs).toHaveLength(1);
  });

  it('may be repeated, and is announced again with the new run', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const { run } = await queue.claim();
    const first = await run.reportException(taskId, 0, { reason: 'worker-shutdown' });
    expect(await run.reportException(taskId, 0, { reason: 'worker-shutdown' })).toEqual(first);
    expect(queue.published().slice(-4)).toEqual([
      'task-exception',
      'task-pending',
      'task-exception',
      'task-pending',
    ]);
  });

  it('is refused if the run was resolved otherwise', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const { run } = await queue.claim();
    await queue.root.cancelTask(taskId);
    expect(await refusalOf(run.reportException(taskId, 0, { reason: 'worker-shutdown' }))).toEqual({
      status: 409,
      code: 'RequestConflict',
      text: `Run 0 on task \`${taskId}\` is resolved or not running.`,
    });
  });

  it.each(['canceled', 'superseded', 'claim-expired'])('does not accept %s', async reason => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const { run } = await queue.claim();
    expect(await refusalOf(run.reportException(taskId, 0, { reason }))).toEqual({
      status: 400,
      code: 'InputValidationError',
      text: [
        '',
        'Schema Validation Failed!',
        `Rejecting Schema: ${queue.rootUrl}/schemas/queue/v1/task-exception-request.json#`,
        'Errors:',
        '  * data/reason must be equal to one of the allowed values',
      ].join('\n'),
    });
  });
});
