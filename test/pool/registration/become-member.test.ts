import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { becomeMember } from '../../../src/pool/registration/index.ts';
import { EXPIRES } from '../../local/artifact-requests.ts';
import { TASK_QUEUE_ID } from '../../local/queue-under-test.ts';
import { asMachine, asStatic, notes } from './joining.ts';
import { poolUnderTest, WORKER_NAME } from './pool-under-test.ts';

const { signal } = new AbortController();
const file = (path: string, text: string) => ({
  description: 'd',
  path,
  content: Buffer.from(text).toString('base64'),
  encoding: 'base64',
  format: 'file',
});

describe('a static worker', () => {
  it('registers with its secret, and stores the result in a private file', async () => {
    await using pool = await poolUnderTest({ workerConfig: { idleTimeoutSecs: 7 } });
    await pool.static();
    const { note, messages } = notes();
    await using member = await becomeMember(asStatic(pool, note), signal);
    const { credentials, secret } = member.state();
    expect(credentials.clientId).toBe(`worker/static/${WORKER_NAME.join('/')}`);
    expect(member.pool.config).toEqual({ idleTimeoutSecs: 7 });
    expect((await stat(pool.file)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(pool.file, 'utf8'))).toMatchObject({
      credentials: { accessToken: credentials.accessToken.reveal() },
      secret: secret.reveal(),
    });
    expect(messages()).toEqual(['registered with worker-manager', 'the worker pool has no secrets']);
  });

  it('applies the secrets of the pool to its configuration, and merges lists', async () => {
    const config = { workerTypeMetadata: { a: 1, b: { c: 1 } }, idleTimeoutSecs: 1, scriptCommand: ['x'] };
    await using pool = await poolUnderTest({ workerConfig: { genericWorker: { config } } });
    await pool.static();
    await pool.secrets.set(`worker-type:${TASK_QUEUE_ID}`, {
      expires: EXPIRES,
      secret: { idleTimeoutSecs: 2 },
    });
    const secret = { config: { workerTypeMetadata: { b: { d: 2 } }, scriptCommand: ['y'] }, files: [] };
    await pool.secrets.set(`worker-pool:${TASK_QUEUE_ID}`, { expires: EXPIRES, secret });
    await using member = await becomeMember(asStatic(pool, notes().note), signal);
    expect(member.pool).toEqual({
      config,
      secrets: [
        { name: `worker-type:${TASK_QUEUE_ID}`, config: { idleTimeoutSecs: 2 } },
        { name: `worker-pool:${TASK_QUEUE_ID}`, config: secret.config },
      ],
    });
  });

  it('reports how to fix that worker-manager does not know it', async () => {
    await using pool = await poolUnderTest();
    await pool.static();
    const joining = becomeMember(asStatic(pool, notes().note, 'x'.repeat(44)), signal);
    await expect(joining).rejects.toThrow(
      /does not register proj-test\/pool\/group\/worker-1.*bad worker static secret.*createWorker/,
    );
  });

  it('registers again at each start, and continues with the stored registration while worker-manager is unavailable', async () => {
    await using pool = await poolUnderTest();
    await pool.static();
    const first = await becomeMember(asStatic(pool, notes().note), signal);
    await first[Symbol.asyncDispose]();
    const second = await becomeMember(asStatic(pool, notes().note), signal);
    await second[Symbol.asyncDispose]();
    expect(second.state().secret.reveal()).not.toBe(first.state().secret.reveal());
    pool.proxy.fault('registerWorker', { kind: 'status', status: 503, as: 'balancer' });
    await using third = await becomeMember(asStatic(pool, notes().note), signal);
    expect(third.state().secret.reveal()).toBe(second.state().secret.reveal());
    expect(pool.proxy.calls.filter(call => call === 'registerWorker')).toHaveLength(3);
  });

  it('reports an invalid pool to its owner', async () => {
    await using pool = await poolUnderTest({ workerConfig: { genericWorker: { config: [], files: [] } } });
    await pool.static();
    const joining = becomeMember(asStatic(pool, notes().note), signal);
    await expect(joining).rejects.toThrow('genericWorker.config of the worker pool must be an object');
    expect((await pool.manager.listWorkerPoolErrors(TASK_QUEUE_ID)).workerPoolErrors).toMatchObject([
      { kind: 'worker-error', description: 'genericWorker.config of the worker pool must be an object' },
    ]);
  });
});

describe('while worker-manager is unavailable', () => {
  it('a worker that has never registered retries until it succeeds', async () => {
    await using pool = await poolUnderTest();
    await pool.static();
    pool.proxy.fault('registerWorker', { kind: 'cut' }, 3);
    const { note, messages } = notes();
    await using _ = await becomeMember(asStatic(pool, note), signal);
    const again = 'worker-manager does not answer; registering again soon';
    expect(messages().slice(0, 4)).toEqual([again, again, again, 'registered with worker-manager']);
  });

  it('a worker can be told to stop', async () => {
    await using pool = await poolUnderTest();
    await pool.static();
    const leaving = new AbortController();
    const { first } = pool.proxy.fault('registerWorker', { kind: 'cut' });
    const joining = becomeMember(asStatic(pool, notes().note), leaving.signal);
    joining.catch(() => undefined);
    await first;
    leaving.abort(new Error('SIGTERM'));
    await expect(joining).rejects.toThrow('SIGTERM');
  });
});

describe('a cloud machine', () => {
  it('registers once: after a restart it uses the file, and does not write the files of the pool again', async () => {
    const files: unknown[] = [];
    await using pool = await poolUnderTest({
      workerConfig: { genericWorker: { config: { capacity: 2 }, files } },
    });
    const written = join(pool.folder, 'a', 'b.txt');
    files.push(file(written, 'hello'));
    await using metadata = await pool.machine();
    const first = await becomeMember(asMachine(pool, metadata.url, notes().note), signal);
    await first[Symbol.asyncDispose]();
    expect(await readFile(written, 'utf8')).toBe('hello');
    const { mtimeMs } = await stat(written);
    const { note, messages } = notes();
    await using second = await becomeMember(asMachine(pool, metadata.url, note), signal);
    expect(second.state().secret.reveal()).toBe(first.state().secret.reveal());
    expect(second.pool.config).toEqual({ capacity: 2 });
    expect(messages()).toContain('continuing with the registration of an earlier start');
    expect((await stat(written)).mtimeMs).toBe(mtimeMs);
    expect(pool.proxy.calls.filter(call => call === 'registerWorker')).toHaveLength(1);
  });

  it('knows its location and its addresses', async () => {
    await using pool = await poolUnderTest();
    await using metadata = await pool.machine();
    await using member = await becomeMember(asMachine(pool, metadata.url, notes().note), signal);
    expect(member.state()).toMatchObject({
      location: { cloud: 'aws', region: 'us-west-2', availabilityZone: 'us-west-2a' },
      machine: { publicIP: '203.0.113.7', privateIP: '10.0.0.7', instanceType: 'c5.large' },
      metadata: { image: 'ami-1', 'public-hostname': 'machine.example.com' },
    });
  });

  it('is reported and removed if the configuration of its pool is invalid', async () => {
    await using pool = await poolUnderTest({ workerConfig: { genericWorker: { config: 'text' } } });
    await using metadata = await pool.machine();
    const { note, messages } = notes();
    await expect(becomeMember(asMachine(pool, metadata.url, note), signal)).rejects.toThrow();
    const { workerPoolErrors } = await pool.manager.listWorkerPoolErrors(TASK_QUEUE_ID);
    expect(workerPoolErrors).toMatchObject([{ kind: 'worker-error' }]);
    expect(messages()).toContain('worker-manager removes this worker');
    expect(await pool.manager.workerPool(TASK_QUEUE_ID)).toMatchObject({ runningCount: 0, stoppingCount: 1 });
  });

  it('cannot recover if the answer to its registration was lost, and reports that', async () => {
    await using pool = await poolUnderTest();
    await using metadata = await pool.machine();
    pool.proxy.fault('registerWorker', { kind: 'lose-answer' }, 1);
    const joining = becomeMember(asMachine(pool, metadata.url, notes().note), signal);
    await expect(joining).rejects.toThrow(/No need to register.*a cloud machine can register only once/);
  });

  it('does not register if it cannot write its file', async () => {
    await using pool = await poolUnderTest();
    await using metadata = await pool.machine();
    const nowhere = { ...pool, file: join(pool.folder, 'missing', 'registration.json') };
    const joining = becomeMember(asMachine(nowhere, metadata.url, notes().note), signal);
    await expect(joining).rejects.toThrow(/registrationFile .* cannot be written: ENOENT/);
    expect(pool.proxy.calls).not.toContain('registerWorker');
  });
});
