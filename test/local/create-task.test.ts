import { setTimeout } from 'node:timers/promises';

import taskcluster from 'taskcluster-client';
import { describe, expect, it } from 'vitest';

import type { Message } from '../../src/local/index.ts';
import type { CreateTaskRequest } from '../../src/taskcluster/index.ts';
import { refusalOf, startQueue, TASK_QUEUE_ID } from './queue-under-test.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();

describe('createTask', () => {
  it('returns a pending run', async () => {
    await using queue = await startQueue();
    const taskId = taskcluster.slugid();
    const definition = queue.define();
    expect(await queue.root.createTask(taskId, definition)).toEqual({
      status: {
        taskId,
        provisionerId: 'proj-test',
        workerType: 'pool',
        taskQueueId: TASK_QUEUE_ID,
        schedulerId: '-',
        projectId: 'none',
        taskGroupId: taskId,
        priority: 'lowest',
        deadline: definition.deadline,
        expires: definition.expires,
        retriesLeft: 5,
        state: 'pending',
        runs: [
          { runId: 0, state: 'pending', reasonCreated: 'scheduled', scheduled: expect.stringMatching(/Z$/) },
        ],
      },
    });
  });

  it('fills in default values', async () => {
    await using queue = await startQueue();
    const { expires: _, ...definition } = queue.define();
    const taskId = taskcluster.slugid();
    await queue.root.createTask(taskId, definition);
    const task = await queue.root.task(taskId);
    expect(task).toMatchObject({
      ...definition,
      provisionerId: 'proj-test',
      workerType: 'pool',
      schedulerId: '-',
      projectId: 'none',
      taskGroupId: taskId,
      dependencies: [],
      requires: 'all-completed',
      routes: [],
      priority: 'lowest',
      retries: 5,
      scopes: [],
      tags: {},
      extra: {},
    });
    const oneYearLater = new Date(definition.deadline);
    oneYearLater.setFullYear(oneYearLater.getFullYear() + 1);
    expect(task.expires).toBe(oneYearLater.toISOString());
  });

  it('announces the task as defined and then as pending, including to its routes', async () => {
    await using queue = await startQueue();
    const tags = { kind: 'test' };
    const taskId = await queue.create({ routes: ['a.b', 'c'], tags, schedulerId: 'scheduler' });
    const { status } = await queue.root.status(taskId);
    const key = `proj-test.pool.scheduler.${taskId}._`;
    expect(queue.messages).toEqual([
      {
        exchange: 'exchange/taskcluster-queue/v1/task-defined',
        routingKey: `primary.${taskId}._._._.${key}`,
        routes: ['route.a.b', 'route.c'],
        body: { status: { ...status, state: 'unscheduled', runs: [] }, task: { tags }, version: 1 },
      },
      {
        exchange: 'exchange/taskcluster-queue/v1/task-pending',
        routingKey: `primary.${taskId}.0._._.${key}`,
        routes: ['route.a.b', 'route.c'],
        body: { status, task: { tags }, runId: 0, version: 1 },
      },
    ]);
  });

  it('returns after the broker has confirmed both messages', async () => {
    const taken: Message[] = [];
    await using queue = await startQueue({
      publish: async message => {
        await setTimeout(20);
        taken.push(message);
      },
    });
    await queue.create();
    expect(taken).toHaveLength(2);
  });

  it('accepts the same task again, and announces it again', async () => {
    await using queue = await startQueue();
    const taskId = taskcluster.slugid();
    const definition = queue.define();
    const first = await queue.root.createTask(taskId, definition);
    expect(await queue.root.createTask(taskId, definition)).toEqual(first);
    expect(queue.published()).toEqual(['task-defined', 'task-pending', 'task-defined', 'task-pending']);
  });

  it('returns the current status, and does not announce a running task as pending', async () => {
    await using queue = await startQueue();
    const definition = queue.define();
    const taskId = taskcluster.slugid();
    await queue.root.createTask(taskId, definition);
    await queue.claim();
    expect((await queue.root.createTask(taskId, definition)).status.state).toBe('running');
    expect(queue.published()).toEqual(['task-defined', 'task-pending', 'task-running', 'task-defined']);
  });

  it('refuses a different task with the same id', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const other = queue.root.createTask(taskId, queue.define({ payload: { command: ['false'] } }));
    expect(await refusalOf(other)).toMatchObject({ status: 409, code: 'RequestConflict' });
    expect(queue.messages).toHaveLength(2);
  });

  it('accepts provisionerId and workerType as the task queue', async () => {
    await using queue = await startQueue();
    const { taskQueueId: _, ...rest } = queue.define();
    const taskId = taskcluster.slugid();
    await queue.root.createTask(taskId, { ...rest, provisionerId: 'proj-test', workerType: 'other' });
    expect((await queue.root.status(taskId)).status.taskQueueId).toBe('proj-test/other');
  });

  it.each([
    ['no task queue', { taskQueueId: undefined }],
    ['a task queue that contradicts its halves', { provisionerId: 'proj-test', workerType: 'other' }],
    ['a creation long ago', { created: inMs(-16 * MINUTE) }],
    ['a creation far ahead', { created: inMs(16 * MINUTE), deadline: inMs(20 * MINUTE) }],
    ['a deadline before its creation', { created: inMs(2 * MINUTE), deadline: inMs(MINUTE) }],
    ['a deadline in the past', { created: inMs(-2 * MINUTE), deadline: inMs(-MINUTE) }],
    ['a deadline in more than 5 days', { deadline: inMs(5 * DAY + 20 * MINUTE), expires: inMs(9 * DAY) }],
    ['an expiry before its deadline', { expires: inMs(10 * MINUTE), deadline: inMs(20 * MINUTE) }],
    ['a scope with two stars', { scopes: ['a**'] }],
    ['a dependency that does not exist', { dependencies: [taskcluster.slugid()] }],
  ])('refuses a task with %s', async (_, definition) => {
    await using queue = await startQueue();
    const taskId = taskcluster.slugid();
    const refusal = await refusalOf(queue.root.createTask(taskId, queue.define(definition)));
    expect(refusal).toMatchObject({ status: 400, code: 'InputError' });
    expect(queue.messages).toEqual([]);
    expect(await refusalOf(queue.root.status(taskId))).toMatchObject({
      status: 404,
      code: 'ResourceNotFound',
    });
  });

  it('reports every property that violates the schema, with the message of the real queue', async () => {
    await using queue = await startQueue();
    const definition = { ...queue.define({ retries: 50 }), surplus: 1, metadata: undefined };
    expect(await refusalOf(queue.root.createTask(taskcluster.slugid(), definition))).toEqual({
      status: 400,
      code: 'InputValidationError',
      text: [
        '',
        'Schema Validation Failed!',
        `Rejecting Schema: ${queue.rootUrl}/schemas/queue/v1/create-task-request.json#`,
        'Errors:',
        "  * data must have required property 'metadata'",
        '  * data must NOT have additional properties: "surplus"',
        '  * data/retries must be <= 49',
      ].join('\n'),
    });
  });

  it('accepts at most 10 MiB', async () => {
    await using queue = await startQueue();
    const definition = queue.define({ payload: { text: 'x'.repeat(10 * 1024 * 1024) } });
    const refusal = await refusalOf(queue.root.createTask(taskcluster.slugid(), definition));
    expect(refusal).toMatchObject({ status: 413, code: 'InputTooLarge' });
  });

  it('fails for a NUL, as PostgreSQL does, and not for text that only resembles one', async () => {
    const errors: unknown[] = [];
    await using queue = await startQueue({ onError: error => errors.push(error) });
    await queue.create({ payload: { text: 'not \\u0000 but text' } });
    expect(errors).toEqual([]);
    const refusal = await refusalOf(queue.create({ payload: { text: 'a \0 byte' } }));
    expect(refusal).toMatchObject({ status: 500, code: 'InternalServerError' });
    expect(refusal.text).toMatch(/^Internal Server Error, incidentId [0-9a-f-]{36}\.$/);
    expect(errors).toHaveLength(1);
  });
});

describe('createTask needs scopes', () => {
  const SCOPES = [
    'queue:create-task:project:none',
    'queue:scheduler-id:-',
    `queue:create-task:low:${TASK_QUEUE_ID}`,
    'queue:route:a.b',
    'secret:x',
  ];
  const DEFINITION: Partial<CreateTaskRequest> = { routes: ['a.b'], scopes: ['secret:x'], priority: 'low' };

  it('for the project, the scheduler, the task queue at a priority, each route, and each scope', async () => {
    await using queue = await startQueue();
    const create = (scopes: string[]) =>
      queue
        .connect(queue.credentials.root, { authorizedScopes: scopes })
        .createTask(taskcluster.slugid(), queue.define(DEFINITION));
    await create(SCOPES);
    for (const scope of SCOPES) {
      const refusal = await refusalOf(create(SCOPES.filter(other => other !== scope)));
      expect(refusal).toMatchObject({ status: 403, code: 'InsufficientScopes' });
      expect(refusal.text.split('This request requires')[0]).toContain(scope);
    }
  });

  it('of which one for a higher priority is sufficient, and one for a lower is not', async () => {
    await using queue = await startQueue();
    const create = (priority: string) =>
      queue
        .connect(queue.credentials.root, {
          authorizedScopes: [...SCOPES, `queue:create-task:${priority}:${TASK_QUEUE_ID}`].filter(
            scope => !scope.startsWith('queue:create-task:low'),
          ),
        })
        .createTask(taskcluster.slugid(), queue.define(DEFINITION));
    await create('high');
    expect(await refusalOf(create('very-low'))).toMatchObject({ status: 403 });
  });
});
