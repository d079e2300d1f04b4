import { afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { connectDocker, type DockerClient } from '../../src/worker/engines/docker/api/index.ts';
import { removeName } from '../../src/worker/engines/docker/images/engine-images.ts';
import { makeImage, type TestImage } from '../harness/docker/images.ts';
import { startRegistry } from '../harness/docker/registry.ts';
import { runFiles } from '../worker/run-files.ts';
import { containerWorker, host, left, sh, type ContainerWorker } from './container-worker.ts';
import { engineProxy, type EngineProxy } from './engine-proxy.ts';
import { registryProxy } from './registry-proxy.ts';

let client: DockerClient;
let image: TestImage;
let proxy: EngineProxy;
let here: ContainerWorker;

beforeAll(async () => {
  ({ client } = await connectDocker(host));
  image = await makeImage(client);
  return async () => {
    await removeName(client, image.name);
    await client[Symbol.asyncDispose]();
  };
});
beforeEach(async () => {
  proxy = await engineProxy();
  here = await containerWorker({ host: proxy.host, images: { limits: { stallMs: 600_000 } } });
});
afterEach(async () => {
  // A container is removed while its run is being reported.
  await expect.poll(() => left(client)).toEqual([]);
});

/** Cancels a task, and expects that the worker has heard of it. */
async function cancel(taskId: string): Promise<void> {
  await here.local.cancelTask(taskId);
  await expect
    .poll(() => here.worker.events)
    .toContainEqual(
      expect.objectContaining({
        type: 'run',
        state: expect.objectContaining({ stop: 'canceled' }) as unknown,
      }),
    );
}

/** Expects that nothing was reported, that nothing is left, and that the only slot is free. */
async function isOver(taskId: string): Promise<void> {
  const next = await here.resolved({ image: image.name, ...sh('echo next') });
  expect(next.state, next.log).toBe('completed');
  expect((await here.local.status(taskId)).runs).toMatchObject([
    { state: 'exception', reasonResolved: 'canceled' },
  ]);
  expect(await here.local.log(taskId)).toMatch(/task canceled/);
  await expect.poll(() => left(client)).toEqual([]);
  const files = async () => (await runFiles(here.worker.tasksDir)).filter(name => name.startsWith('task_'));
  await expect.poll(files).toEqual([]);
  expect(here.worker.events.filter(({ type }) => type === 'clean-up-failed')).toEqual([]);
}

describe('a task ends when it is cancelled', () => {
  it.each(['/manifests/', '/blobs/'])('while %s of its image are pulled', async part => {
    await using registry = await startRegistry();
    await using slow = await registryProxy(registry.host);
    const { id, name } = await makeImage(client);
    await registry.push(client, id, 'org/slow:1');
    await removeName(client, name);
    slow.treat = asked => (asked.includes(part) ? { kind: 'stall', afterBytes: 10 } : undefined);
    const taskId = await here.local.createTask({ image: `${slow.host}/org/slow:1`, command: ['true'] });
    await expect.poll(() => slow.requests.some(asked => asked.includes(part))).toBe(true);
    await cancel(taskId);
    await isOver(taskId);
    // The next one that wants it gets it.
    slow.treat = () => undefined;
    const again = await here.resolved({ image: `${slow.host}/org/slow:1`, command: ['true'] });
    expect(again.state, again.log).toBe('completed');
  });

  it('while its image is being loaded', async () => {
    const { body } = await client.stream({ method: 'GET', path: `/images/${image.name}/get` });
    const content = Buffer.concat(await body.toArray());
    const maker = await makeImage(client, { entries: [{ name: 'image.tar', content }] });
    onTestFinished(() => void removeName(client, maker.name));
    const made = await here.resolved({
      image: maker.name,
      command: ['true'],
      artifacts: { 'public/image.tar': { type: 'file', path: '/image.tar' } },
    });
    expect(made.state, made.log).toBe('completed');
    const loading = proxy.hold(/^POST \S*\/images\/load/);
    const wanted = { type: 'task-image', taskId: made.taskId, path: 'public/image.tar' };
    const taskId = await here.local.createTask({ image: wanted, command: ['true'] });
    await loading.reached;
    await cancel(taskId);
    await isOver(taskId);
    loading.release();
    const again = await here.resolved({ image: wanted, command: ['true'] });
    expect(again.state, again.log).toBe('completed');
  });

  it.each([
    ['its network is created', /^POST \S*\/networks\/create/],
    ['its container is created', /^POST \S*\/containers\/create/],
    ['the worker connects to its output', /^POST \S*\/attach/],
    ['its container is started', /^POST \S*\/start /],
  ])('while %s, even if the engine still does that', async (_, call) => {
    const held = proxy.hold(call);
    const taskId = await here.local.createTask({
      image: image.name,
      ...sh('sleep 600'),
      features: { taskclusterProxy: true },
    });
    await held.reached;
    await cancel(taskId);
    held.release();
    await isOver(taskId);
  });

  it('while it runs and ignores signals', async () => {
    const taskId = await here.local.createTask({
      image: image.name,
      ...sh("trap '' TERM INT HUP; sleep 600 & while :; do sleep 600; done"),
    });
    await expect.poll(() => left(client)).toHaveLength(1);
    await cancel(taskId);
    await isOver(taskId);
  });

  it.each([
    ['one of its files is read', { type: 'file', path: '/d/huge' }, /^GET \S*\/archive/],
    ['one of its directories is listed', { type: 'directory', path: '/d' }, /^GET \S*\/archive/],
  ])('while %s, even if the engine does not answer', async (_, artifact, call) => {
    const held = proxy.hold(call);
    const taskId = await here.local.createTask({
      image: image.name,
      ...sh('mkdir /d && truncate -s 1000000 /d/huge'),
      artifacts: { 'public/it': artifact },
    });
    await held.reached;
    await cancel(taskId);
    await isOver(taskId);
  });

  it.each(['file', 'directory'])(
    'while a sparse %s of a terabyte is read out of its container',
    async type => {
      const taskId = await here.local.createTask({
        image: image.name,
        ...sh('mkdir /d && truncate -s 1099511627776 /d/huge'),
        artifacts: { 'public/it': { type, path: type === 'file' ? '/d/huge' : '/d' } },
      });
      await expect
        .poll(() => here.worker.events)
        .toContainEqual(
          expect.objectContaining({
            type: 'run',
            state: expect.objectContaining({ phase: 'uploading' }) as unknown,
          }),
        );
      await cancel(taskId);
      await isOver(taskId);
    },
  );
});
