import { randomUUID } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import taskcluster from 'taskcluster-client';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { startLocalQueue } from '../../src/local/index.ts';
import { Secret } from '../../src/pulse/index.ts';
import { queueCalls } from '../../src/taskcluster/index.ts';
import { onSmallDisk, smallDisks } from './small-disk.ts';

const TCW = inject('program');
const MB = 1024 * 1024;

/** Starts `tcw run` with polling, and a queue with tasks for it. */
async function start(
  prepare: (folder: string, program: string[]) => [string, string[]],
  variables: Readonly<Record<string, string>> = {},
) {
  const user = { clientId: 'user', accessToken: new Secret(`user-${randomUUID()}`), scopes: ['*'] };
  const account = { clientId: 'worker', accessToken: new Secret(`worker-${randomUUID()}`), scopes: ['*'] };
  const local = await startLocalQueue({
    publish: async () => undefined,
    clients: [user, account],
    longPollMs: 1_000,
    checkIntervalMs: 50,
  });
  onTestFinished(() => local.close());
  const tasksDir = await mkdtemp(join(tmpdir(), 'tcw-scarce-'));
  onTestFinished(() => rm(tasksDir, { recursive: true, force: true }));
  const [file, words] = prepare(tasksDir, [process.execPath, TCW, 'run']);
  const clean = Object.entries(process.env).filter(([name]) => !/^(TCW|TASKCLUSTER|PULSE|NODE)_/.test(name));
  const child = spawn(file, words, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...Object.fromEntries(clean),
      TCW_ROOT_URL: local.rootUrl,
      TCW_CLIENT_ID: account.clientId,
      TCW_ACCESS_TOKEN: account.accessToken.reveal(),
      TCW_PROVISIONER_ID: 'test',
      TCW_WORKER_TYPE: 'scarce',
      TCW_WORKER_GROUP: 'here',
      TCW_WORKER_ID: 'w-1',
      TCW_TASKS_DIR: tasksDir,
      TCW_REQUIRED_DISK_SPACE_MEGABYTES: '0',
      ...variables,
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
    child,
    said: () => said,
    tasksDir,
    create: async (script: string, more: object = {}) => {
      const taskId = taskcluster.slugid();
      const now = new Date();
      await calls(user, 'createTask', taskId, {
        taskQueueId: 'test/scarce',
        schedulerId: 'test',
        created: now.toJSON(),
        deadline: taskcluster.fromNow('1 hour', now).toJSON(),
        metadata: { name: 'test', description: '', owner: 'test@example.com', source: 'https://example.com' },
        payload: { command: [['sh', '-c', script]], maxRunTime: 60, ...more },
      });
      return taskId;
    },
    resolved: async (taskId: string) => {
      await expect
        .poll(async () => (await status(taskId)).state, { interval: 50 })
        .toMatch(/^(completed|failed|exception)$/);
      const { state, runs } = await status(taskId);
      return { state, reason: runs.at(-1)?.reasonResolved, runs: runs.length };
    },
    artifact: async (taskId: string, name: string) => {
      const client = new taskcluster.Queue({
        rootUrl: local.rootUrl,
        credentials: { clientId: user.clientId, accessToken: user.accessToken.reveal() },
      }) as unknown as { artifact(taskId: string, runId: string, name: string): Promise<{ url: string }> };
      const { url } = await client.artifact(taskId, '0', name);
      return Buffer.from(await (await fetch(url)).arrayBuffer());
    },
  };
}

const LOG = 'public/logs/live_backing.log';

describe.runIf(smallDisks)('a worker with a disk of 8 MB', () => {
  const small = () => start((folder, program) => onSmallDisk(folder, 8 * MB, program));

  it('keeps the start and the end of a log that does not fit, resolves the run, and continues', async () => {
    const { create, resolved, artifact } = await small();
    const long = await create(
      'i=0; while [ $i -lt 300000 ]; do echo "line $i of a log that is long"; i=$((i+1)); done',
    );
    expect(await resolved(long)).toEqual({ state: 'exception', reason: 'resource-unavailable', runs: 1 });
    const log = (await artifact(long, LOG)).toString();
    expect(log).toContain('line 0 of a log that is long\n');
    expect(log).toContain('line 299999 of a log that is long\n');
    expect(log).toMatch(
      /^\[taskcluster:warn .*\] \d+ bytes of the log are omitted here: the disk did not accept all/m,
    );
    expect(await resolved(await create('echo hello'))).toMatchObject({ state: 'completed' });
  });

  it('has the last output of a task that filled the disk with files', async () => {
    const { create, resolved, artifact } = await small();
    const greedy = await create('cat /dev/zero >big; echo my last words; exit 3');
    expect(await resolved(greedy)).toEqual({ state: 'failed', reason: 'failed', runs: 1 });
    const log = (await artifact(greedy, LOG)).toString();
    expect(log).toContain('my last words\n');
    expect(log).toContain('[taskcluster:error] exit status 3\n');
    expect(await resolved(await create('echo hello'))).toMatchObject({ state: 'completed' });
  });

  it('uploads an artifact uncompressed if there is no space to compress it', async () => {
    const { create, resolved, artifact } = await small();
    const script = 'head -c 3000000 /dev/urandom >a.dat; head -c 4500000 /dev/zero >ballast';
    const artifacts = [{ name: 'public/a.dat', path: 'a.dat', type: 'file' }];
    const taskId = await create(script, { artifacts });
    expect(await resolved(taskId)).toMatchObject({ state: 'completed' });
    expect(await artifact(taskId, 'public/a.dat')).toHaveLength(3_000_000);
  });
});

describe('a worker with few file descriptors', () => {
  it('resolves each run that it has claimed, and continues', async () => {
    const limited = (_folder: string, program: string[]): [string, string[]] => [
      'sh',
      ['-c', 'ulimit -n 64 && exec "$0" "$@"', ...program],
    ];
    const { create, resolved, child } = await start(limited, { TCW_CAPACITY: '8' });
    const taskIds = await Promise.all(Array.from({ length: 16 }, () => create('sleep 0.3')));
    const reasons = new Set<string | undefined>();
    for (const taskId of taskIds) {
      const { state, reason, runs } = await resolved(taskId);
      expect(state).toMatch(/^(completed|exception)$/);
      expect(runs).toBe(1);
      reasons.add(reason);
    }
    expect(reasons).toContain('resource-unavailable');
    expect(reasons).not.toContain('internal-error');
    expect(child.exitCode).toBeNull();
    expect(await resolved(await create('true'))).toMatchObject({ state: 'completed' });
  });
});
