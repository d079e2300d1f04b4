import { randomUUID } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import taskcluster from 'taskcluster-client';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { startLocalQueue } from '../../src/local/index.ts';
import { Secret } from '../../src/pulse/index.ts';
import { queueCalls } from '../../src/taskcluster/index.ts';
import { waitFor } from '../wait-for.ts';
import { sh } from './deployment.ts';
import { onSmallDisk, smallDisks } from './small-disk.ts';
import { testOf, WAYS } from './ways.ts';

const TCW = inject('program');
const MB = 1024 ** 2;

describe.concurrent.each(WAYS)('a worker whose disk has no space for a task, %s,', way => {
  const it = testOf(way);

  it('logs that, claims nothing, and leaves tasks to other workers', async ({ deploy, expect }) => {
    const here = await deploy();
    const short = await here.startWorker({ requiredDiskSpaceMegabytes: 1_000_000_000 });
    const taskId = await here.createTask(sh('true'));
    await expect.poll(() => short.events.map(({ type }) => type)).toContain('disk-short');
    expect(short.events.filter(({ type }) => type === 'disk-short')).toMatchObject([
      { requiredBytes: 1_000_000_000 * MB },
    ]);
    expect(await here.status(taskId)).toMatchObject({ state: 'pending' });
    await here.startWorker();
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    expect(short.events.filter(({ type }) => type === 'run')).toEqual([]);
  });

  it('ends when it is told to', async ({ deploy, expect }) => {
    const here = await deploy();
    const short = await here.startWorker({ requiredDiskSpaceMegabytes: 1_000_000_000 });
    await here.createTask(sh('true'));
    await expect.poll(() => short.events.map(({ type }) => type)).toContain('disk-short');
    short.shutdown('finish');
    expect(await short.ended).toBe('stopped');
  });
});

/** Starts `tcw run` with its tasks' folders on a small disk, and a queue with tasks for it. */
async function onDisk(bytes: number, requiredMegabytes: number, prepare = ':') {
  const account = (clientId: string) => ({
    clientId,
    accessToken: new Secret(`${clientId}-${randomUUID()}`),
    scopes: ['*'],
  });
  const [user, worker] = [account('user'), account('worker')];
  const local = await startLocalQueue({
    publish: async () => undefined,
    clients: [user, worker],
    longPollMs: 500,
    checkIntervalMs: 50,
  });
  onTestFinished(() => local.close());
  const disk = await mkdtemp(join(tmpdir(), 'tcw-disk-'));
  onTestFinished(() => rm(disk, { recursive: true, force: true }));
  const script = `cd "$1" && ${prepare}; shift && exec "$@"`;
  const program = ['sh', '-c', script, 'sh', disk, process.execPath, TCW, 'run'];
  const [file, words] = onSmallDisk(disk, bytes, program);
  const clean = Object.entries(process.env).filter(([name]) => !/^(TCW|TASKCLUSTER|PULSE|NODE)_/.test(name));
  const child = spawn(file, words, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...Object.fromEntries(clean),
      TCW_ROOT_URL: local.rootUrl,
      TCW_CLIENT_ID: worker.clientId,
      TCW_ACCESS_TOKEN: worker.accessToken.reveal(),
      TCW_PROVISIONER_ID: 'test',
      TCW_WORKER_TYPE: 'disk',
      TCW_WORKER_GROUP: 'here',
      TCW_WORKER_ID: 'w-1',
      TCW_CAPACITY: '2',
      TCW_TASKS_DIR: join(disk, 'tasks'),
      TCW_REQUIRED_DISK_SPACE_MEGABYTES: String(requiredMegabytes),
    },
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  const calls = queueCalls({ rootUrl: local.rootUrl });
  const status = async (taskId: string) => (await calls(user, 'status', taskId)).status;
  return {
    /** The path of the disk for this process. */
    seen: `/proc/${child.pid ?? 0}/root${disk}`,
    said: () => said,
    status,
    create: async (command: string) => {
      const taskId = taskcluster.slugid();
      const now = new Date();
      await calls(user, 'createTask', taskId, {
        taskQueueId: 'test/disk',
        schedulerId: 'test',
        created: now.toJSON(),
        deadline: taskcluster.fromNow('1 hour', now).toJSON(),
        metadata: { name: 'test', description: '', owner: 'test@example.com', source: 'https://example.com' },
        payload: { command: [['sh', '-c', command]], maxRunTime: 600 },
      });
      return taskId;
    },
    resolved: (taskId: string) =>
      waitFor(async () => {
        const found = await status(taskId);
        expect(['completed', 'failed', 'exception']).toContain(found.state);
        return found;
      }),
    log: async (taskId: string) => {
      const { url } = (await calls(user, 'latestArtifact', taskId, 'public/logs/live_backing.log')) as {
        url: string;
      };
      return (await fetch(url)).text();
    },
  };
}

describe.runIf(smallDisks)('on a small disk', () => {
  it('a task that fills it is stopped, other tasks and the worker continue', async () => {
    const { create, resolved, log, said } = await onDisk(64 * MB, 40);
    const neighbour = await create('head -c 5M /dev/zero > old; until [ -e ../over ]; do sleep 0.2; done');
    const filler = await create(
      'sleep 1; i=0; while head -c 1M /dev/zero > $i 2>/dev/null; do i=$((i + 1)); sleep 0.02; done; sleep 600',
    );
    expect(await resolved(filler)).toMatchObject({ state: 'failed' });
    expect(await log(filler)).toMatch(
      /\[taskcluster:error\] task aborted due to lack of disk space: .* were left, and the folder of this task holds .*\n$/,
    );
    const next = await create('echo fine; touch ../over');
    expect(await resolved(next), said()).toMatchObject({ state: 'completed' });
    expect(await resolved(neighbour), said()).toMatchObject({ state: 'completed' });
  });

  it('a worker waits for free space, and continues when there is some', async () => {
    const { create, resolved, status, said, seen } = await onDisk(
      64 * MB,
      40,
      'head -c 50M /dev/zero > ballast',
    );
    const taskId = await create('true');
    await waitFor(() => {
      expect(said()).toContain('the disk has no room for another task');
    });
    expect(await status(taskId)).toMatchObject({ state: 'pending' });
    expect(await readdir(seen)).toContain('ballast');
    await rm(`${seen}/ballast`);
    expect(await resolved(taskId)).toMatchObject({ state: 'completed' });
    expect(said()).toContain('there is enough disk space again');
  });
});
