import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import taskcluster from 'taskcluster-client';
import { describe, expect, it } from 'vitest';
import { checkParameters, checkQuery } from '../../src/local/http/parameters.ts';
import { refusalOf, startQueue, TASK_QUEUE_ID, WORKER } from '../local/queue-under-test.ts';
import { rawRequest } from './raw-request.ts';

/** Names that every object has, and that a table of names must not have. */
const INHERITED = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'];
/** A time to the schema, and none to JavaScript. */
const LEAP_SECOND = '2030-06-30T23:59:60.000Z';
/** A pattern that is quadratic needs minutes for so many characters, and one that is not a millisecond. */
const LONG = 200_000;

const PARAMETERS = [
  'taskId',
  'taskGroupId',
  'runId',
  'provisionerId',
  'workerType',
  'workerGroup',
  'workerId',
  'taskQueueId',
  'workerPoolId',
  'indexPath',
  'namespace',
  'name',
];

/** Text that makes a pattern with two ways to read the same go through all of them. */
const HOSTILE = ['1', '0', 'a', '-', 'a.', 'a/', '.', '%', ' ', '12', 'a-', '1.', '\\', '=', 'A/'].flatMap(
  piece => ['!', '\n', '\u0000', 'ü', '.', ''].map(end => piece.repeat(LONG / piece.length) + end),
);

describe('the pattern of a parameter', () => {
  it.each(PARAMETERS)('takes no longer for text that is crafted to be slow: %s', parameter => {
    for (const value of HOSTILE) {
      try {
        checkParameters({ [parameter]: value });
      } catch (error) {
        expect(error).toMatchObject({ code: 'InvalidRequestArguments' });
      }
    }
  });

  it.each(['continuationToken', 'limit', 'quarantined', 'since', 'launchConfigId', 'errorId'])(
    'takes no longer in a query either: %s',
    name => {
      for (const value of HOSTILE) {
        try {
          checkQuery([name], { [name]: value });
        } catch (error) {
          expect(error).toMatchObject({ code: 'InvalidRequestArguments' });
        }
      }
    },
  );

  it('of a run accepts any digits, with the error message of the real queue', async () => {
    for (const runId of ['0', '1', '10', '007', '100000'])
      expect(() => checkParameters({ runId })).not.toThrow();
    await using queue = await startQueue();
    const taskId = await queue.create();
    for (const runId of ['x', '-1', '1.5', '1e3', '١', `${'1'.repeat(5_000)}x`]) {
      const { text } = await refusalOf(queue.root.listArtifacts(taskId, runId));
      expect(text).toContain("must match regular expression: '/^[1-9]*[0-9]+$/'");
    }
  });
});

const SCHEMAS = new URL('../../schemas/taskcluster/', import.meta.url);

/** Every pattern and every format that a schema of the queue has. */
function wordsOf(keyword: 'pattern' | 'format'): string[] {
  const found = new Set<string>();
  for (const file of readdirSync(SCHEMAS, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.json')) continue;
    JSON.parse(readFileSync(new URL(file, SCHEMAS), 'utf8'), (key, value: unknown) => {
      if (key === keyword && typeof value === 'string') found.add(value);
      return value;
    });
  }
  return [...found];
}

describe('a schema', () => {
  it.each(
    (['pattern', 'format'] as const).flatMap(keyword =>
      wordsOf(keyword).map(word => [keyword, word] as const),
    ),
  )('has no %s that is slow for crafted text: %s', (keyword, word) => {
    const ajv = new Ajv({ strict: false });
    addFormats.default(ajv);
    const check = ajv.compile({ type: 'string', [keyword]: word });
    for (const text of HOSTILE) {
      for (const value of [text, `a@${text}`, `http://${text}`, `2030-01-01T00:00:00${text}`]) check(value);
    }
    expect(check(`${'x'.repeat(LONG)}\u0000`)).toBeTypeOf('boolean');
  });
});

describe('a name of Object.prototype', () => {
  it.each(INHERITED)('is not a query parameter of a call: %s', async name => {
    const errors: unknown[] = [];
    await using queue = await startQueue({ anonymousScopes: ['*'], onError: error => errors.push(error) });
    const group = `/api/queue/v1/task-group/${await queue.create()}`;
    for (const query of [`?${name}=1`, `?${name}`, `?${name}[x]=1`]) {
      expect((await rawRequest(queue.rootUrl, `${group}/list${query}`)).status).toBe(400);
    }
    expect(errors).toEqual([]);
  });

  it.each(INHERITED)('is a name like any other for secrets, artifacts, tags and hashes: %s', async name => {
    const errors: unknown[] = [];
    await using queue = await startQueue({ onError: error => errors.push(error) });
    const own = <T>(value: T): Record<string, T> =>
      JSON.parse(JSON.stringify({ '': value }).replace('""', JSON.stringify(name))) as Record<string, T>;

    const secrets = queue.connectTo('secrets');
    expect((await refusalOf(secrets.get(name))).status).toBe(404);
    await secrets.set(name, { secret: own('x'), expires: taskcluster.fromNow('1 hour').toJSON() });
    expect(JSON.stringify(await secrets.get(name))).toContain(`"${name}":"x"`);

    const taskId = await queue.create({ tags: own('x'), payload: own('x'), extra: own('x') });
    const { task } = (await queue.claim()).claim;
    expect(Object.hasOwn(task.payload, name)).toBe(true);
    expect((await refusalOf(queue.root.artifactInfo(taskId, '0', name))).status).toBe(404);
    const expires = queue.define().deadline;
    await queue.root.createArtifact(taskId, 0, name, { storageType: 's3', contentType: 'a/b', expires });
    expect(await queue.root.artifactInfo(taskId, '0', name)).toMatchObject({ name });

    const objects = queue.connectTo('object');
    const upload = {
      projectId: 'p',
      uploadId: taskcluster.slugid(),
      expires,
      hashes: own('x'),
      proposedUploadMethods: { dataInline: { contentType: 'a/b', objectData: 'eHh4' } },
    };
    expect(await objects.createUpload(name, upload)).toMatchObject({ projectId: 'p' });
    await objects.finishUpload(name, { projectId: 'p', uploadId: upload.uploadId, hashes: own('x') });
    expect((await refusalOf(queue.root.task(name))).status).toBe(400);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
    expect(errors).toEqual([]);
  });

  it.each(INHERITED)('is not a client, role or namespace: %s', async name => {
    await using queue = await startQueue();
    expect(
      (await refusalOf(queue.connect({ clientId: name, accessToken: 'x' }).status(taskcluster.slugid())))
        .status,
    ).toBe(401);
    const { scopes } = await queue.connectTo('auth').expandScopes({ scopes: [`assume:${name}`] });
    expect(scopes).toEqual([`assume:${name}`]);
    expect((await refusalOf(queue.connectTo('index').findTask(name))).status).toBe(404);
  });
});

describe('a time that JavaScript cannot represent', () => {
  it('cannot be part of a task that then could not be returned', async () => {
    const errors: unknown[] = [];
    await using queue = await startQueue({ onError: error => errors.push(error) });
    for (const times of [{ deadline: LEAP_SECOND }, { created: LEAP_SECOND }, { expires: LEAP_SECOND }]) {
      const refusal = await refusalOf(queue.root.createTask(taskcluster.slugid(), queue.define(times)));
      expect(refusal).toMatchObject({ status: 400, code: 'InputError' });
      expect(refusal.text).toContain(LEAP_SECOND);
    }
    expect(await queue.root.pendingTasks(TASK_QUEUE_ID)).toMatchObject({ pendingTasks: 0 });
    expect(errors).toEqual([]);
  });

  it('is refused wherever else a caller sends one', async () => {
    const errors: unknown[] = [];
    await using queue = await startQueue({ onError: error => errors.push(error) });
    const taskId = await queue.create({ extra: { index: { expires: LEAP_SECOND } }, routes: ['index.a.b'] });
    const { run } = await queue.claim();
    const expires = LEAP_SECOND;
    const worker = [...TASK_QUEUE_ID.split('/'), WORKER.workerGroup, WORKER.workerId];
    const pool = [
      'proj-test/pool',
      { providerId: 'static', description: '', owner: 'a@example.com', emailOnError: false, config: {} },
    ] as const;
    const manager = queue.connectTo('worker-manager');
    await manager.createWorkerPool(...pool);
    const upload = { projectId: 'p', uploadId: taskcluster.slugid(), expires, proposedUploadMethods: {} };
    for (const call of [
      () => run.createArtifact(taskId, 0, 'public/x', { storageType: 's3', contentType: 'a/b', expires }),
      () => queue.root.quarantineWorker(...worker, { quarantineUntil: expires }),
      () => queue.connectTo('secrets').set('x', { secret: {}, expires }),
      () => queue.connectTo('index').insertTask('x.y', { taskId, rank: 0, data: {}, expires }),
      () => queue.connectTo('object').createUpload('x', upload),
      () =>
        manager.createWorker(pool[0], 'g', 'w', {
          expires,
          capacity: 1,
          providerInfo: { staticSecret: 's'.repeat(44) },
        }),
    ]) {
      expect(await refusalOf(call())).toMatchObject({ status: 400, code: 'InputError' });
    }
    await run.reportCompleted(taskId, 0);
    // What the task itself says of the index is no reason to lose its report.
    expect((await queue.root.status(taskId)).status.state).toBe('completed');
    expect(errors).toEqual([]);
  });
});

describe('a worker that asks for too much', () => {
  it('gets no more than 32 tasks, and nothing for an invalid number', async () => {
    await using queue = await startQueue({ longPollMs: 50 });
    for (const tasks of [1e9, 33, 0, -1, 0.5, '1', null]) {
      const asked = await refusalOf(queue.worker.claimWork(TASK_QUEUE_ID, { ...WORKER, tasks }));
      expect(asked).toMatchObject({ status: 400, code: 'InputValidationError' });
    }
  });

  it('and disconnects leaves nothing waiting', async () => {
    await using queue = await startQueue({ longPollMs: 100, checkIntervalMs: 10 });
    await Promise.all(
      Array.from({ length: 200 }, () => queue.worker.claimWork(TASK_QUEUE_ID, { ...WORKER, tasks: 32 })),
    );
    await sleep(50);
    const taskId = await queue.create();
    expect((await queue.claim()).claim.status.taskId).toBe(taskId);
  });
});

describe('dependencies between tasks', () => {
  it('cannot form a cycle, except a task that depends on itself until its deadline', async () => {
    await using queue = await startQueue();
    const [one, other] = [taskcluster.slugid(), taskcluster.slugid()];
    const missing = await refusalOf(queue.root.createTask(one, queue.define({ dependencies: [other] })));
    expect(missing).toMatchObject({ status: 400, code: 'InputError' });
    await queue.root.createTask(one, queue.define({ dependencies: [one] }));
    expect((await queue.root.status(one)).status.state).toBe('unscheduled');
  });

  it('may number thousands for one task', async () => {
    await using queue = await startQueue();
    const first = await queue.create();
    const { run } = await queue.claim();
    const waiting: string[] = [];
    for (let count = 0; count < 300; count++) waiting.push(await queue.create({ dependencies: [first] }));
    const last = await queue.create({ dependencies: [first, ...waiting], requires: 'all-resolved' });
    await run.reportCompleted(first, 0);
    await expect.poll(async () => (await queue.root.pendingTasks(TASK_QUEUE_ID)).pendingTasks).toBe(300);
    expect((await queue.root.status(last)).status.state).toBe('unscheduled');
  });
});
