import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { connectDocker, type DockerClient } from '../../src/worker/engines/docker/api/index.ts';
import { removeName } from '../../src/worker/engines/docker/images/engine-images.ts';
import type { WorkerEvent } from '../../src/worker/index.ts';
import { queueForWorkers } from '../cli/workers.ts';
import { answering } from '../harness/docker/answering.ts';
import { makeImage, type TestImage } from '../harness/docker/images.ts';
import { startRegistry } from '../harness/docker/registry.ts';
import { containerWorker, type ContainerWorker, host, labelled, left, sh } from './container-worker.ts';
import { engineProxy, type EngineProxy } from './engine-proxy.ts';
import { registryProxy } from './registry-proxy.ts';

let client: DockerClient;
let image: TestImage;

beforeAll(async () => {
  ({ client } = await connectDocker(host));
  image = await makeImage(client, { changes: ['CMD ["sh"]', 'VOLUME /volume'] });
  return async () => {
    await removeName(client, image.name);
    await client[Symbol.asyncDispose]();
  };
});

/** What `tcw run` says and exits with, when the engine is at an address. */
async function exitOf(dockerHost: string): Promise<readonly [number | null, string]> {
  const workers = await queueForWorkers();
  onTestFinished(() => workers.close());
  const { exited, child } = workers.start('--engine=docker', `--docker-host=${dockerHost}`);
  let said = '';
  child.stderr?.on('data', (bytes: Buffer) => (said += bytes.toString()));
  return [await exited, said.replaceAll(dockerHost, 'HOST')];
}

describe('tcw run with an engine that', () => {
  const version = { Version: '99.1', Os: 'linux', Arch: 'amd64' };
  const cases: [string, () => Promise<string> | string, string][] = [
    [
      'is absent',
      () => 'unix:///no/such/docker.sock',
      'no Docker engine answers at HOST (ENOENT): install docker.io, or set dockerHost',
    ],
    [
      'is too old',
      () => answering({ ...version, ApiVersion: '1.40' }),
      'the Docker engine at HOST is too old: it is 99.1, with API 1.40; tcw needs API 1.41 (Docker 20.10)',
    ],
    [
      'is too new',
      () => answering({ ...version, ApiVersion: '1.99', MinAPIVersion: '1.90' }),
      'the Docker engine at HOST is too new: it is 99.1, and requires at least API 1.90; this tcw supports at most API 1.51',
    ],
    ['is something else', () => answering('<html>'), 'HOST'],
  ];
  it.each(cases)('%s exits with 69 and a message that says how to fix it', async (_, dockerHost, message) => {
    const [code, said] = await exitOf(await dockerHost());
    expect([code, said]).toEqual([69, expect.stringContaining(message)]);
    expect(said).not.toMatch(/\n {4}at /);
  });
});

describe('an engine that stops in the middle of a run', () => {
  /** Ends the containers of runs, as an engine does that stops. */
  async function endContainers(): Promise<void> {
    const query = { filters: JSON.stringify({ label: ['tcw.trace'] }) };
    const all = await client.json<{ Id: string }[]>({ method: 'GET', path: '/containers/json', query });
    for (const { Id } of all)
      await client.json({ method: 'POST', path: `/containers/${Id}/kill`, timeoutMs: 10_000 });
  }

  it.each([
    ['and takes its container with it', endContainers],
    ['and leaves its container running', async () => undefined],
  ])('%s leads to an internal error of the run, and the next task runs', async (_, meanwhile) => {
    const proxy = await engineProxy();
    const here = await containerWorker({ host: proxy.host });
    const taskId = await here.local.createTask({ image: image.name, ...sh('echo begun; sleep 600') });
    await waitedFor(proxy);
    await proxy.stop();
    await meanwhile();
    const next = await here.local.createTask({ image: image.name, ...sh('echo next') });
    await proxy.start();
    const { reason, log } = await here.ended(taskId);
    expect(reason, log).toBe('internal-error');
    expect(log).toMatch(
      /internal error: the end of the command's container is not known: the Docker engine at \S+ has not answered POST \/containers\/[0-9a-f]+\/wait/,
    );
    expect(log).not.toContain('Processes of this task are still alive');
    const after = await here.ended(next);
    expect([after.state, after.log]).toEqual(['completed', expect.stringContaining('next')]);
    await expect.poll(() => left(client)).toEqual([]);
  });

  it('fails the run with an internal error, and the worker takes no task until the engine is back', async () => {
    const proxy = await engineProxy();
    const here = await containerWorker({ host: proxy.host, timing: { absentMs: 300 } });
    const taskId = await here.local.createTask({ image: image.name, ...sh('sleep 600') });
    await waitedFor(proxy);
    await proxy.stop();
    const first = await here.ended(taskId);
    expect(first.reason, first.log).toBe('internal-error');
    expect(first.log).toMatch(
      /Processes of this task are still alive: The container [0-9a-f]{12} could not be ended/,
    );
    const second = await here.local.createTask({ image: image.name, ...sh('echo second') });
    await tells(here, 'engine-away');
    expect(await here.local.status(second)).toMatchObject({ state: 'pending' });
    await proxy.start();
    const after = await here.ended(second);
    expect([after.state, after.log]).toEqual(['completed', expect.stringContaining('second')]);
    await tells(here, 'engine-back');
    await tells(here, 'processes-gone');
    await expect.poll(() => left(client)).toEqual([]);
  });

  it('between two runs delays the next task until it is back', async () => {
    const proxy = await engineProxy();
    const here = await containerWorker({ host: proxy.host });
    await here.resolved({ image: image.name, ...sh('true') });
    await expect.poll(() => left(client)).toEqual([]);
    await proxy.stop();
    const taskId = await here.local.createTask({ image: image.name, ...sh('echo waited') });
    await tells(here, 'engine-away');
    await proxy.start();
    const run = await here.ended(taskId);
    expect([run.state, run.log]).toEqual(['completed', expect.stringContaining('waited')]);
  });

  it('during a pull delays the pull until it is back', async () => {
    await using registry = await startRegistry();
    await using slow = await registryProxy(registry.host);
    const { id, name } = await makeImage(client);
    await registry.push(client, id, 'org/busy:1');
    await removeName(client, name);
    const proxy = await engineProxy();
    const here = await containerWorker({ host: proxy.host });
    slow.treat = asked => (asked.includes('/blobs/') ? { kind: 'stall', afterBytes: 10 } : undefined);
    const taskId = await here.local.createTask({ image: `${slow.host}/org/busy:1`, ...sh('echo pulled') });
    await expect.poll(() => slow.requests.some(asked => asked.includes('/blobs/'))).toBe(true);
    await proxy.stop();
    slow.treat = () => undefined;
    await proxy.start();
    const run = await here.ended(taskId);
    expect([run.state, run.log]).toEqual(['completed', expect.stringContaining('pulled')]);
    expect(run.log).toMatch(/the Docker engine of this machine went away \(.*; trying again in \d+ s/);
  });

  it.each([
    ['file', 'resource-unavailable'],
    ['directory', 'internal-error'],
  ])('while a %s is read out of the container: %s', async (type, reason) => {
    const proxy = await engineProxy();
    const here = await containerWorker({ host: proxy.host, timing: { absentMs: 300 } });
    const held = proxy.hold(/^GET \S*\/archive/);
    const taskId = await here.local.createTask({
      image: image.name,
      ...sh('mkdir /d && head -c 1000000 /dev/zero >/d/file'),
      artifacts: { 'public/it': { type, path: type === 'file' ? '/d/file' : '/d' } },
    });
    await held.reached;
    await proxy.stop();
    const run = await here.ended(taskId);
    expect(run.reason, run.log).toBe(reason);
    expect(run.log).toMatch(/the Docker engine at \S+ has not answered GET \/containers\/[0-9a-f]+\/archive/);
  });

  it('or hangs fails the run with an internal error, and other slots continue', async () => {
    const proxy = await engineProxy();
    const timing = { beatMs: 300, answerMs: 2_000, endMs: 2_000, startMs: 5_000 };
    const here = await containerWorker({ host: proxy.host, timing }, { capacity: 2 });
    const taskId = await here.local.createTask({ image: image.name, ...sh('sleep 600') });
    await waitedFor(proxy);
    const held = proxy.hold(/./);
    const { reason, log } = await here.ended(taskId);
    expect(reason, log).toBe('internal-error');
    expect(log).toMatch(/has not answered HEAD \/_ping in 2 s/);
    held.release();
    const next = await here.resolved({ image: image.name, ...sh('echo next') });
    expect([next.state, next.log]).toEqual(['completed', expect.stringContaining('next')]);
  });
});

describe('a worker that is killed', () => {
  it('leaves containers, networks and volumes, which the next worker removes, and nothing else', async () => {
    const workers = await queueForWorkers({ claimTimeoutMs: 4_000 });
    onTestFinished(() => workers.close());
    const flags = ['--engine=docker', `--docker-host=${host ?? ''}`];
    const first = workers.start(...flags);
    const taskId = await workers.create(
      '',
      {},
      {
        image: image.name,
        command: ['sh', '-c', 'test $RUN_ID -ge 1 && exit; touch /volume/file; sleep 600'],
        features: { taskclusterProxy: true },
      },
    );
    const volumes = async () => {
      const { Volumes } = await client.json<{ Volumes: { Name: string }[] | null }>({
        method: 'GET',
        path: '/volumes',
      });
      return (Volumes ?? []).map(({ Name }) => Name);
    };
    const earlier = await volumes();
    const running = async () => {
      const query = { filters: JSON.stringify({ label: ['tcw.trace'] }) };
      return client.json<{ Mounts: { Name: string }[] }[]>({
        method: 'GET',
        path: '/containers/json',
        query,
      });
    };
    await expect.poll(running).toHaveLength(1);
    const [container] = await running();
    const volume = container?.Mounts[0]?.Name ?? '';
    // One container and one network.
    expect(await left(client)).toHaveLength(2);
    expect(await volumes()).toContain(volume);
    expect(earlier).not.toContain(undefined);

    const strangers = await stranger();
    await first.kill();
    expect(await left(client)).toHaveLength(2);
    const next = workers.start(...flags);
    await next.says('removed what remained of a run after its worker died', { run: `task_${taskId}_0` });
    expect(await volumes()).not.toContain(volume);
    await workers.reaches(taskId, 'completed', 1);
    await expect.poll(() => left(client)).toEqual([]);
    expect(await labelled(client, 'somebody=else')).toEqual(strangers);
  });

  /** Makes something of each kind that another program could have. */
  async function stranger(): Promise<readonly string[]> {
    const Labels = { somebody: 'else', 'tcw.run': 'task_0' };
    const { Id: container } = await client.json<{ Id: string }>({
      method: 'POST',
      path: '/containers/create',
      body: { Image: image.id, Cmd: ['sleep', '600'], Labels },
    });
    await client.json({ method: 'POST', path: `/containers/${container}/start` });
    const { Id: network } = await client.json<{ Id: string }>({
      method: 'POST',
      path: '/networks/create',
      body: { Name: `somebody-${container.slice(0, 8)}`, Labels },
    });
    const { Name: volume } = await client.json<{ Name: string }>({
      method: 'POST',
      path: '/volumes/create',
      body: { Labels },
    });
    onTestFinished(async () => {
      await client.json({
        method: 'DELETE',
        path: `/containers/${container}`,
        query: { force: true, v: true },
      });
      await client.json({ method: 'DELETE', path: `/networks/${network}` });
      await client.json({ method: 'DELETE', path: `/volumes/${volume}` });
    });
    return [container, network, volume].sort();
  }
});

/** Settles when a worker has told of an incident. */
function tells({ worker }: ContainerWorker, type: WorkerEvent['type']): Promise<unknown> {
  return expect.poll(() => worker.events.map(event => event.type)).toContain(type);
}

/** Settles when a container runs, whose end is waited for. */
function waitedFor({ calls }: EngineProxy): Promise<unknown> {
  return expect.poll(() => calls.some(call => /^POST \S+\/wait /.test(call))).toBe(true);
}
