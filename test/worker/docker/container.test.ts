import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dockerDeployment, type DockerDeployment } from './docker-deployment.ts';

const IMAGE = 'builder:1';
const DEVICES = { hostSharedMemory: true, kvm: true, loopbackAudio: true, loopbackVideo: true };
const EVERYTHING = {
  image: IMAGE,
  capabilities: { privileged: true, disableSeccomp: true, devices: DEVICES },
  features: { allowPtrace: true },
};

let docker: DockerDeployment;
let pool: string;

beforeAll(async () => {
  docker = await dockerDeployment();
  const { provisionerId, workerType } = await resolved({ image: IMAGE });
  pool = `${provisionerId}/${workerType}`;
});
afterAll(() => docker[Symbol.asyncDispose]());

async function resolved(payload: object, scopes: readonly string[] = [], { local } = docker) {
  const taskId = await local.createTask(payload, { scopes: [...scopes] });
  const { state, runs, ...status } = await local.resolved(taskId);
  const log = await local.log(taskId).catch(() => '');
  return { ...status, taskId, state, reason: runs.at(-1)?.reasonResolved, log };
}

const container = () => docker.engine.asked.containers.at(-1);

describe('the scopes of a container', () => {
  it('are listed in one message if any are missing, whichever feature needs them', async () => {
    const { reason, log } = await resolved({ ...EVERYTHING, cache: { sources: '/src' } }, ['a:scope']);
    expect(reason).toBe('malformed-payload');
    const wanted = [
      'capability:privileged',
      'capability:disableSeccomp',
      ...Object.keys(DEVICES).map(name => `capability:device:${name}`),
      'feature:allowPtrace',
    ];
    for (const scope of wanted) {
      expect(log).toContain(`docker-worker:${scope} or docker-worker:${scope}:${pool}\n`);
    }
    expect(log).toContain('docker-worker:cache:sources\n');
  });

  it.each([
    ['a capability', { capabilities: { privileged: true } }, 'capability:privileged'],
    ['a device', { capabilities: { devices: { kvm: true } } }, 'capability:device:kvm'],
    ['a feature', { features: { allowPtrace: true } }, 'feature:allowPtrace'],
  ])('may be those of the pool, but not of another one: %s', async (_, asked, scope) => {
    const payload = { image: IMAGE, ...asked };
    expect(await resolved(payload, [`docker-worker:${scope}`])).toMatchObject({ state: 'completed' });
    expect(await resolved(payload, [`docker-worker:${scope}:${pool}`])).toMatchObject({ state: 'completed' });
    expect(await resolved(payload, [`docker-worker:${scope}:${pool}2`])).toMatchObject({
      reason: 'malformed-payload',
    });
  });

  it('are not needed for features that a payload disables, or for the proxy', async () => {
    const payload = {
      image: IMAGE,
      capabilities: { privileged: false, devices: { kvm: false } },
      features: { allowPtrace: false, taskclusterProxy: true },
    };
    expect(await resolved(payload)).toMatchObject({ state: 'completed' });
  });
});

describe('a container', () => {
  it('has what the task asks for', async () => {
    await resolved(EVERYTHING, ['docker-worker:*']);
    const audio = ['controlC16', 'pcmC16D0c', 'pcmC16D0p', 'pcmC16D1c', 'pcmC16D1p'].map(
      node => `snd/${node}`,
    );
    const sorted = {
      ...container(),
      devices: container()?.devices?.toSorted((a, b) => (a.source < b.source ? -1 : 1)),
    };
    expect(sorted).toEqual({
      image: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as unknown,
      imageAgain: expect.any(Function) as unknown,
      privileged: true,
      noSeccomp: true,
      kernelCapabilities: ['SYS_PTRACE'],
      devices: ['kvm', ...audio, 'video0'].map(node => ({
        source: join(docker.devices, node),
        target: `/dev/${node}`,
      })),
      binds: [{ source: join(docker.devices, 'shm'), target: '/dev/shm' }],
      hosts: {},
    });
  });

  it('has nothing but its image if the task asks for nothing', async () => {
    await resolved({ image: IMAGE });
    expect(container()).toEqual({
      image: expect.any(String) as unknown,
      imageAgain: expect.any(Function) as unknown,
      devices: [],
      binds: [],
      hosts: {},
      kernelCapabilities: [],
    });
  });

  it('has the environment variables of generic-worker’s containers, and no others', async () => {
    const { log, taskId, taskGroupId } = await resolved(
      {
        image: IMAGE,
        command: ['print-environment'],
        env: { MINE: 'x', TASK_ID: 'y' },
        capabilities: { devices: { loopbackVideo: true } },
        features: { taskclusterProxy: true },
      },
      ['docker-worker:capability:device:loopbackVideo'],
    );
    const printed = [...log.matchAll(/([A-Z_]+)=([^\0]*)\0/g)].map(([, name, value]) => [name, value]);
    expect(Object.fromEntries(printed)).toEqual({
      MINE: 'x',
      TASK_ID: taskId,
      RUN_ID: '0',
      TASK_GROUP_ID: taskGroupId,
      TASKCLUSTER_ROOT_URL: docker.local.rootUrl,
      TASKCLUSTER_PROXY_URL: expect.stringMatching(/^http:\/\/taskcluster(:\d+)?$/) as unknown,
      TASKCLUSTER_VIDEO_DEVICE: '/dev/video0',
    });
  });

  it('reaches the proxy through a network of its run, which is removed with the run', async () => {
    const payload = {
      image: IMAGE,
      command: ['call', 'api/queue/v1/task/$TASK_ID'],
      features: { taskclusterProxy: true },
    };
    const { state, log, taskGroupId } = await resolved(payload, ['queue:get-task:*']);
    expect(state, log).toBe('completed');
    expect(log).toContain(taskGroupId);
    const { network, hosts } = container() ?? {};
    expect(hosts).toEqual({ taskcluster: network?.gateway });
    await expect.poll(() => docker.engine.asked.networks).toEqual([]);
  });

  // Only root may listen on the port at which the test expects the proxy.
  it.runIf(process.geteuid?.() === 0)('has a proxy that nobody else can use', async () => {
    const { local } = docker;
    const taskId = await local.createTask({
      image: IMAGE,
      command: ['sleep', '60000'],
      features: { taskclusterProxy: true },
    });
    await local.running(taskId);
    await expect.poll(() => docker.engine.asked.networks).toHaveLength(1);
    const url = () => `http://${container()?.network?.gateway}/api/queue/v1/ping`;
    const status = () =>
      fetch(url()).then(
        response => response.status,
        () => 0,
      );
    await expect.poll(status).toBe(403);
    await local.cancelTask(taskId);
    await expect.poll(() => docker.engine.asked.networks).toEqual([]);
    expect(await status()).toBe(0);
  });

  it('is refused if the machine lacks a device', async () => {
    await rm(join(docker.devices, 'kvm'));
    const payload = { image: IMAGE, capabilities: { devices: { kvm: true } } };
    const { reason, log } = await resolved(payload, ['docker-worker:*']);
    expect(reason).toBe('malformed-payload');
    expect(log).toContain(`capabilities.devices.kvm: this machine has no ${docker.devices}/kvm`);
  });

  it('is refused to a task that wants a shell if the engine has no terminals', async () => {
    const { reason, log } = await resolved({ image: IMAGE, features: { interactive: true } });
    expect(reason).toBe('malformed-payload');
    expect(log).toContain(`cannot serve feature "interactive": it lacks terminals`);
  });
});

describe('a pool that restricts what containers may do', () => {
  const FORBIDDEN: [key: string, place: string, asked: object][] = [
    ['allowPrivileged', 'capabilities.privileged', { capabilities: { privileged: true } }],
    ['allowDisableSeccomp', 'capabilities.disableSeccomp', { capabilities: { disableSeccomp: true } }],
    ['allowKVM', 'capabilities.devices.kvm', { capabilities: { devices: { kvm: true } } }],
    ...(['HostSharedMemory', 'LoopbackAudio', 'LoopbackVideo'] as const).map(
      (name): [string, string, object] => {
        const device = name.charAt(0).toLowerCase() + name.slice(1);
        return [
          `allow${name}`,
          `capabilities.devices.${device}`,
          { capabilities: { devices: { [device]: true } } },
        ];
      },
    ),
    ['allowPtrace', 'features.allowPtrace', { features: { allowPtrace: true } }],
    ['allowChainOfTrust', 'features.chainOfTrust', { features: { chainOfTrust: true } }],
    ['allowInteractive', 'features.interactive', { features: { interactive: true } }],
    ['allowTaskclusterProxy', 'features.taskclusterProxy', { features: { taskclusterProxy: true } }],
  ];
  let strict: DockerDeployment;
  beforeAll(async () => {
    const allow = Object.fromEntries(FORBIDDEN.map(([key]) => [key, false]));
    strict = await dockerDeployment({ d2gConfig: { ...allow, allowGPUs: true, gpus: 'device=0,1' } });
  });
  afterAll(() => strict[Symbol.asyncDispose]());

  it.each(FORBIDDEN)('refuses a container with the name of the capability: %s', async (_, place, asked) => {
    const { reason, log, provisionerId, workerType } = await resolved(
      { image: IMAGE, ...asked },
      ['docker-worker:*'],
      strict,
    );
    expect(reason).toBe('malformed-payload');
    expect(log).toContain(
      `attempting to use ${place}, which is not allowed on this worker pool (${provisionerId}/${workerType})`,
    );
  });

  it('gives every container the configured graphics cards', async () => {
    expect(await resolved({ image: IMAGE }, [], strict)).toMatchObject({ state: 'completed' });
    expect(strict.engine.asked.containers.at(-1)?.gpus).toBe('device=0,1');
  });
});
