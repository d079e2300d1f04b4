import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { EXPIRES } from '../local/artifact-requests.ts';
import { TASK_QUEUE_ID, WORKER } from '../local/queue-under-test.ts';
import { poolUnderTest, STATIC_SECRET, WORKER_NAME } from '../pool/registration/pool-under-test.ts';
import { start } from './tcw.ts';

/** What the machines of these tests have in common, from their pool. */
const config = { requiredDiskSpaceMegabytes: 1, enableMetadata: false, idleTimeoutSecs: 1 };
let folder: string;
const children: ReturnType<typeof start>[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tcw-registration-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** Starts `tcw run` with a configuration file, in a folder of its own. */
async function tcwRun(settings: object, ...words: string[]) {
  const path = join(folder, `${randomUUID()}.json`);
  await writeFile(
    path,
    JSON.stringify({
      tasksDir: join(folder, 'tasks'),
      registrationFile: join(folder, 'registration.json'),
      ...settings,
    }),
    { mode: 0o600 },
  );
  const child = start(['run', '--config', path, ...words]);
  children.push(child);
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  onTestFailed(() => {
    console.error(said);
  });
  return {
    child,
    said: () => said,
    exited: once(child, 'close').then(([code]) => code as number | null),
    says: (message: string) => expect.poll(() => said).toContain(message),
  };
}

describe('tcw run of a static worker', () => {
  const settings = (rootURL: string) => ({
    rootURL,
    provider: 'static',
    providerId: 'static',
    workerPoolId: TASK_QUEUE_ID,
    ...WORKER,
    staticSecret: STATIC_SECRET,
  });

  it('needs only its secret, because the rest comes from its pool', async () => {
    await using pool = await poolUnderTest(
      { workerConfig: { genericWorker: { config } } },
      { longPollMs: 200 },
    );
    await pool.static();
    const taskId = await pool.queue.create({ payload: { command: [['true']], maxRunTime: 60 } });
    const worker = await tcwRun(settings(pool.proxy.rootUrl));
    expect(await worker.exited).toBe(68);
    expect((await pool.queue.root.status(taskId)).status.state).toBe('completed');
    // It can register again.
    expect(await pool.manager.worker(...WORKER_NAME)).toMatchObject({ state: 'running' });
    expect(worker.said()).not.toContain(STATIC_SECRET);
    // Tasks of this engine can read what is in the file.
    expect(worker.said()).toContain("run as this worker's user and can read its credentials");
    expect(worker.said()).not.toContain(
      JSON.parse(await readFile(join(folder, 'registration.json'), 'utf8')).secret,
    );
  });

  it('reports what is missing', async () => {
    const { provider } = settings('');
    const worker = await tcwRun({ provider, workerId: 'w' });
    expect(await worker.exited).toBe(73);
    expect(worker.said()).toMatch(/rootURL is missing.*\n.*workerType is missing/);
  });

  it('reports an invalid pool, and reports it to the owner, too', async () => {
    await using pool = await poolUnderTest({ workerConfig: { capacity: 0, idleTimeoutSecs: 'no' } });
    await pool.static();
    await pool.secrets.set(`worker-pool:${TASK_QUEUE_ID}`, {
      expires: EXPIRES,
      secret: { capacitty: 1, cleanUpTaskDirs: 'said-by-a-secret' },
    });
    const worker = await tcwRun(settings(pool.proxy.rootUrl));
    expect(await worker.exited).toBe(64);
    expect(worker.said()).toContain(
      `workerConfig of the worker pool ${TASK_QUEUE_ID}: idleTimeoutSecs must be`,
    );
    expect(worker.said()).toContain('unknown property capacitty');
    const { workerPoolErrors } = await pool.manager.listWorkerPoolErrors(TASK_QUEUE_ID);
    expect(workerPoolErrors).toMatchObject([{ kind: 'worker-error' }]);
    expect(workerPoolErrors[0]?.description).toMatch(
      /capacitty.*cleanUpTaskDirs must be .*its value stays secret/s,
    );
    expect(workerPoolErrors[0]?.description).not.toContain('said-by-a-secret');
  });

  it('exits as for an invalid pool, even if it is told to stop while it reports that', async () => {
    await using pool = await poolUnderTest({ workerConfig: { genericWorker: { config: [] } } });
    await pool.static();
    const stuck = pool.proxy.fault('reportWorkerError', { kind: 'freeze' }, 1);
    const worker = await tcwRun(settings(pool.proxy.rootUrl));
    await stuck.first;
    await worker.says('reporting it to the owner of the pool');
    worker.child.kill('SIGTERM');
    await setTimeout(200);
    stuck.lift();
    expect(await worker.exited).toBe(73);
    expect(worker.said()).toContain('tcw: genericWorker.config of the worker pool must be an object');
  });

  it('exits when it is told to before it could register', async () => {
    await using pool = await poolUnderTest();
    await pool.static();
    pool.proxy.fault('registerWorker', { kind: 'status', status: 503, as: 'balancer' });
    const worker = await tcwRun(settings(pool.proxy.rootUrl));
    await worker.says('registering again soon');
    worker.child.kill('SIGTERM');
    expect(await worker.exited).toBe(72);
  });
});

it('exits at once when it is forced to, even if worker-manager has not answered', async () => {
  await using pool = await poolUnderTest();
  await using metadata = await pool.machine();
  const stuck = pool.proxy.fault('registerWorker', { kind: 'freeze' });
  const worker = await tcwRun({ provider: 'aws', cloudMetadataUrl: metadata.url });
  await stuck.first;
  worker.child.kill('SIGTERM');
  await setTimeout(200);
  const forcedAt = performance.now();
  worker.child.kill('SIGTERM');
  expect(await worker.exited).toBe(72);
  expect(performance.now() - forcedAt).toBeLessThan(10_000);
});

describe('tcw run on a machine of AWS', () => {
  it('needs no configuration but its location, and removes itself when it is not needed', async () => {
    await using pool = await poolUnderTest(
      {
        workerConfig: { genericWorker: { config: { ...config, idleTimeoutSecs: 0 } } },
        maxCapacity: 1,
        lifecycle: { reregistrationTimeout: 8 },
      },
      { longPollMs: 200 },
    );
    await using metadata = await pool.machine();
    const go = join(folder, 'go');
    const script = `until [ -e ${go} ]; do sleep 0.1; done`;
    const taskId = await pool.queue.create({ payload: { command: [['sh', '-c', script]], maxRunTime: 600 } });
    const worker = await tcwRun({ cloudMetadataUrl: metadata.url }, '--configure-for-aws');
    await worker.says('credentials renewed');
    await writeFile(go, '');
    expect(await worker.exited).toBe(70);
    expect((await pool.queue.root.status(taskId)).status.state).toBe('completed');
    expect(worker.said()).toContain('worker-manager removes this worker');
    const { workers } = await pool.queue.root.listWorkers('proj-test', 'pool');
    const [{ workerId = '' } = {}] = workers;
    expect(await pool.manager.worker(TASK_QUEUE_ID, WORKER.workerGroup, workerId)).toMatchObject({
      state: 'stopping',
    });
  });

  it('is removed, with a report to its pool, if its pool configures it incorrectly', async () => {
    await using pool = await poolUnderTest({ workerConfig: { ...config, capacity: 'many' } });
    await using metadata = await pool.machine();
    const worker = await tcwRun({ provider: 'aws', cloudMetadataUrl: metadata.url });
    expect(await worker.exited).toBe(64);
    const { workerPoolErrors } = await pool.manager.listWorkerPoolErrors(TASK_QUEUE_ID);
    expect(workerPoolErrors).toMatchObject([{ description: expect.stringContaining('capacity') as string }]);
    expect(await pool.manager.workerPool(TASK_QUEUE_ID)).toMatchObject({ runningCount: 0, stoppingCount: 1 });
  });

  it('gives its task back when AWS reclaims the machine', async () => {
    await using pool = await poolUnderTest(
      { workerConfig: { ...config, idleTimeoutSecs: 0 } },
      { longPollMs: 200 },
    );
    await using metadata = await pool.machine();
    const taskId = await pool.queue.create({ payload: { command: [['sleep', '3600']], maxRunTime: 3600 } });
    const worker = await tcwRun({ provider: 'aws', cloudMetadataUrl: metadata.url });
    await expect.poll(async () => (await pool.queue.root.status(taskId)).status.state).toBe('running');
    metadata.answers.set(
      '/latest/meta-data/spot/termination-time',
      new Date(Date.now() + 120_000).toISOString(),
    );
    expect(await worker.exited).toBe(72);
    expect(worker.said()).toContain('AWS is taking this machine away');
    expect((await pool.queue.root.status(taskId)).status.runs[0]).toMatchObject({
      reasonResolved: 'worker-shutdown',
    });
  });

  it('continues with the same registration after kill -9', async () => {
    await using pool = await poolUnderTest(
      { workerConfig: { ...config, idleTimeoutSecs: 0 }, minCapacity: 1 },
      { longPollMs: 200 },
    );
    await using metadata = await pool.machine();
    for (const step of [
      'registered with worker-manager',
      'continuing with the registration of an earlier start',
    ]) {
      const worker = await tcwRun({ provider: 'aws', cloudMetadataUrl: metadata.url });
      await worker.says(step);
      worker.child.kill('SIGKILL');
      await worker.exited;
    }
    expect(pool.proxy.calls.filter(call => call === 'registerWorker')).toHaveLength(1);
  });

  it.each(['registerWorker', 'reregisterWorker'] as const)(
    'starts again after kill -9 just before %s',
    async step => {
      await using pool = await poolUnderTest(
        {
          workerConfig: { ...config, idleTimeoutSecs: 0 },
          lifecycle: { reregistrationTimeout: 30 },
          minCapacity: 1,
        },
        { longPollMs: 200 },
      );
      await using metadata = await pool.machine();
      const stuck = pool.proxy.fault(step, { kind: 'freeze' }, 1);
      const first = await tcwRun({ provider: 'aws', cloudMetadataUrl: metadata.url });
      await stuck.first;
      first.child.kill('SIGKILL');
      await first.exited;
      stuck.lift();
      const second = await tcwRun({ provider: 'aws', cloudMetadataUrl: metadata.url });
      await second.says('credentials renewed');
      expect(await readdir(folder)).not.toContain('registration.json.new');
    },
  );

  it('continues until its credentials expire after kill -9 just after a renewal whose answer was lost', async () => {
    await using pool = await poolUnderTest(
      {
        workerConfig: { ...config, idleTimeoutSecs: 0 },
        lifecycle: { reregistrationTimeout: 40 },
        minCapacity: 1,
      },
      { longPollMs: 200 },
    );
    await using metadata = await pool.machine();
    const lost = pool.proxy.fault('reregisterWorker', { kind: 'lose-answer' });
    const first = await tcwRun({ provider: 'aws', cloudMetadataUrl: metadata.url });
    await lost.first;
    first.child.kill('SIGKILL');
    await first.exited;
    lost.lift();
    const second = await tcwRun({ provider: 'aws', cloudMetadataUrl: metadata.url });
    expect(await second.exited).toBe(71);
    expect(second.said()).toContain(
      'worker-manager refuses to renew the credentials: the worker shuts down before they expire',
    );
    expect(second.said()).toContain(
      'the worker shuts down: its credentials expire, and worker-manager does not renew them',
    );
  });

  it('reports that a machine is not one of AWS', async () => {
    await using pool = await poolUnderTest();
    await using metadata = await pool.machine();
    metadata.answers.set('/latest/api/token', (_, response) => response.writeHead(403).end());
    const worker = await tcwRun({ provider: 'aws', cloudMetadataUrl: metadata.url });
    expect(await worker.exited).toBe(69);
    expect(worker.said()).toMatch(
      /metadata service of AWS at .* does not answer .*the answer is 403; is this a machine of AWS\?/,
    );
  });
});
