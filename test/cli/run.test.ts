import { randomUUID } from 'node:crypto';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { queueExchanges } from '../../src/exchanges/index.ts';
import { startLocalQueue, type LocalQueue } from '../../src/local/index.ts';
import { connect, Secret, type Pulse } from '../../src/pulse/index.ts';
import { queueCalls, type TaskStatusStructure } from '../../src/taskcluster/index.ts';
import taskcluster from 'taskcluster-client';

const TCW = inject('program');
const PROVISIONER = 'test';

/** `tcw run` as a release engineer runs it: a process, a queue, and a real RabbitMQ as a user of Pulse. */
describe('tcw run', () => {
  let owner: Pulse;
  let local: LocalQueue;
  let workerType: string;
  let tasksDir: string;
  let tokens: Record<'user' | 'worker', Secret>;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    workerType = `w${randomUUID().slice(0, 8)}`;
    tokens = {
      user: new Secret(`user-token-${randomUUID()}`),
      worker: new Secret(`worker-token-${randomUUID()}`),
    };
    tasksDir = await mkdtemp(join(tmpdir(), 'tcw-run-'));
    owner = connect({ url: inject('queuePulseUrl') });
    for (const { exchange } of Object.values(queueExchanges)) await owner.declareExchange(exchange);
    local = await startLocalQueue({
      longPollMs: 2_000,
      publish: ({ exchange, routingKey, routes, body }) =>
        owner.publish(exchange, routingKey, body, { routes }),
      clients: [
        { clientId: 'user', accessToken: tokens.user, scopes: ['*'] },
        {
          clientId: 'worker',
          accessToken: tokens.worker,
          scopes: [
            `queue:claim-work:${PROVISIONER}/${workerType}`,
            'queue:worker-id:group/*',
            `queue:pending-count:${PROVISIONER}/${workerType}`,
          ],
        },
      ],
    });
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await local.close();
    await owner.close();
    await rm(tasksDir, { recursive: true, force: true });
  });

  const start = (...flags: string[]) => {
    const child = spawn(
      process.execPath,
      [
        TCW,
        'run',
        `--root-url=${local.rootUrl}`,
        '--client-id=worker',
        `--provisioner-id=${PROVISIONER}`,
        `--worker-type=${workerType}`,
        '--worker-group=group',
        `--worker-id=w-${randomUUID().slice(0, 8)}`,
        `--tasks-dir=${tasksDir}`,
        '--required-disk-space-megabytes=1',
        ...flags,
      ],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, TCW_ACCESS_TOKEN: tokens.worker.reveal() },
      },
    );
    children.push(child);
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const exited = once(child, 'exit').then(([code]) => code as number | null);
    return {
      child,
      exited,
      said: () => stderr,
      listening: (pulse: 'up' | 'down') =>
        expect.poll(() => stderr).toMatch(new RegExp(`"phase":"listening","pulse":"${pulse}"`)),
    };
  };
  const withPulse = () => start(`--pulse-url=${inject('pulseUrl')}`);

  const credentials = () => ({ clientId: 'user', accessToken: tokens.user });
  const create = async (script: string): Promise<string> => {
    const taskId = taskcluster.slugid();
    const now = new Date();
    await queueCalls({ rootUrl: local.rootUrl })(credentials(), 'createTask', taskId, {
      taskQueueId: `${PROVISIONER}/${workerType}`,
      schedulerId: 'test',
      created: now.toJSON(),
      deadline: taskcluster.fromNow('1 hour', now).toJSON(),
      metadata: { name: 'test', description: '', owner: 'test@example.com', source: 'https://example.com' },
      payload: { command: [['sh', '-c', script]], maxRunTime: 600 },
    });
    return taskId;
  };
  const status = async (taskId: string): Promise<TaskStatusStructure> =>
    (await queueCalls({ rootUrl: local.rootUrl })(credentials(), 'status', taskId)).status;
  const reaches = (taskId: string, state: string, timeout = 15_000) =>
    expect.poll(async () => (await status(taskId)).state, { timeout }).toBe(state);
  const processesWith = async (mark: string) => {
    const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
    const lines = await Promise.all(
      pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
    );
    return lines.filter(line => line.includes(`sleep\0${mark}`)).length;
  };
  const mark = () => `33${randomUUID().replaceAll(/\D/g, '').slice(0, 7)}`;

  it('runs a task after its notice, and finishes it at SIGINT (71)', async () => {
    const worker = withPulse();
    await worker.listening('up');
    await reaches(await create('echo hello'), 'completed');
    const last = await create('sleep 1.5');
    // A claim that is still on its way when the signal comes would be given back.
    await expect.poll(worker.said).toMatch(new RegExp(`"taskId":"${last}","runId":0,"msg":"claimed"`));
    worker.child.kill('SIGINT');
    expect(await worker.exited).toBe(71);
    expect((await status(last)).state).toBe('completed');
    expect(await readdir(tasksDir)).toEqual([]);
  });

  it('stops its tasks at SIGTERM, reports them and leaves nothing (72)', async () => {
    const worker = withPulse();
    await worker.listening('up');
    const sleeping = mark();
    const taskId = await create(`setsid sleep ${sleeping} & sleep ${sleeping}`);
    await expect.poll(() => processesWith(sleeping)).toBe(2);
    worker.child.kill('SIGTERM');
    expect(await worker.exited).toBe(72);
    expect(await processesWith(sleeping)).toBe(0);
    expect((await status(taskId)).runs).toMatchObject([
      { state: 'exception', reasonResolved: 'worker-shutdown' },
      { state: 'pending' },
    ]);
    expect(await readdir(tasksDir)).toEqual([]);
  });

  it('exits at once at the second signal, without leaving processes', async () => {
    const worker = withPulse();
    await worker.listening('up');
    const sleeping = mark();
    await create(`setsid sleep ${sleeping} & sleep ${sleeping}`);
    await expect.poll(() => processesWith(sleeping)).toBe(2);
    worker.child.kill('SIGINT');
    await expect.poll(worker.said).toMatch(/"phase":"draining"/);
    worker.child.kill('SIGINT');
    expect(await worker.exited).toBe(72);
    await expect.poll(() => processesWith(sleeping)).toBe(0);
  });

  it('takes the processes of its tasks with it when it is killed', async () => {
    const worker = withPulse();
    await worker.listening('up');
    const sleeping = mark();
    await create(`setsid sleep ${sleeping} & (setsid sh -c 'sleep ${sleeping} &' &) ; sleep ${sleeping}`);
    await expect.poll(() => processesWith(sleeping)).toBe(3);
    worker.child.kill('SIGKILL');
    await worker.exited;
    await expect.poll(() => processesWith(sleeping)).toBe(0);
  });

  it.each([
    ['password', (url: URL) => (url.password = 'wrong'), /refused the user or the password/],
    ['vhost', (url: URL) => (url.pathname = '/nowhere'), /refused the vhost/],
  ])('exits at once if the Pulse %s is wrong (73)', async (_, change, message) => {
    const url = new URL(inject('pulseUrl'));
    change(url);
    const worker = start(`--pulse-url=${url.href}`);
    expect(await worker.exited).toBe(73);
    const lines = worker.said().trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(message);
  });

  it('polls, with a warning, while Pulse is unreachable', async () => {
    const worker = start('--pulse-url=amqp://nobody:nothing@127.0.0.1:1');
    await worker.listening('down');
    expect(worker.said()).toMatch(/"level":"warn".*Pulse cannot be reached/);
    await reaches(await create('true'), 'completed');
    worker.child.kill('SIGTERM');
    // An open long poll is waited for, since what it brings has to be given back.
    await Promise.race([worker.exited, sleep(25_000)]);
    expect(worker.child.exitCode).toBe(72);
  });

  it('logs no secret', async () => {
    const worker = start(`--pulse-url=${inject('pulseUrl')}`, '--log-level=debug');
    await worker.listening('up');
    await reaches(await create('echo hello'), 'completed');
    worker.child.kill('SIGTERM');
    await worker.exited;
    expect(worker.said()).not.toContain(tokens.worker.reveal());
    expect(worker.said()).not.toContain(new URL(inject('pulseUrl')).password);
    for (const line of worker.said().trimEnd().split('\n'))
      expect(() => JSON.parse(line) as unknown).not.toThrow();
  });
});
