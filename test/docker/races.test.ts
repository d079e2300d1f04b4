import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDocker, type Connected } from '../../src/worker/engines/docker/api/index.ts';
import { removeName } from '../../src/worker/engines/docker/images/engine-images.ts';
import { TaskError } from '../../src/worker/outcome.ts';
import { makeImage, testName, type TestImage } from '../harness/docker/images.ts';
import { startRegistry } from '../harness/docker/registry.ts';
import { containerWorker, host, left, sh } from './container-worker.ts';
import { engineProxy } from './engine-proxy.ts';
import { namesIn, openImages, removeOurs, saved, wanting } from './images-of-tests.ts';

let docker: Connected;
let image: TestImage;

beforeAll(async () => {
  docker = await connectDocker(host);
  image = await makeImage(docker.client);
});
afterAll(async () => {
  await removeName(docker.client, image.name);
  await docker.client[Symbol.asyncDispose]();
});

const PROXIED = { features: { taskclusterProxy: true } };

describe('a call without an answer leaves nothing in the engine', () => {
  it.each([
    ['a container', /^POST \S*\/containers\/create/, {}],
    ['a network', /^POST \S*\/networks\/create/, PROXIED],
  ])('if the engine has created %s', async (_, pattern, payload) => {
    const proxy = await engineProxy();
    const here = await containerWorker({ host: proxy.host, timing: { againMs: 100 } });
    proxy.loseAnswer(pattern);
    const run = await here.resolved({ image: image.name, ...sh('true'), ...payload });
    expect(run.reason, run.log).toBe('internal-error');
    await expect.poll(() => left(docker.client)).toEqual([]);
  });

  it.each([
    ['a container', /^POST \S*\/containers\/create/, {}],
    ['a network', /^POST \S*\/networks\/create/, PROXIED],
  ])('if the engine creates %s after the run is over', async (_, pattern, payload) => {
    const proxy = await engineProxy();
    const timing = { createMs: 500, answerMs: 500, againMs: 100 };
    const here = await containerWorker({ host: proxy.host, timing });
    const held = proxy.hold(pattern);
    const run = await here.resolved({ image: image.name, ...sh('true'), ...payload });
    expect(run.reason, run.log).toBe('internal-error');
    const made = () => proxy.calls.filter(call => pattern.test(call)).length;
    expect([made(), await left(docker.client)]).toEqual([1, []]);
    held.release();
    // It has been made and removed when the engine tells of its removal.
    await expect
      .poll(() => proxy.calls.some(call => /^DELETE \S*\/(containers|networks)\//.test(call)))
      .toBe(true);
    await expect.poll(() => left(docker.client)).toEqual([]);
  });

  it('if the engine disappears before the object could be removed, and comes back', async () => {
    const proxy = await engineProxy();
    const timing = { absentMs: 100, againMs: 100 };
    const here = await containerWorker({ host: proxy.host, timing });
    const held = proxy.hold(/^DELETE \S*\/networks\//);
    const task = await here.local.createTask({ image: image.name, ...sh('true'), ...PROXIED });
    await held.reached;
    await proxy.stop();
    await here.ended(task);
    await expect.poll(() => here.worker.events.map(({ type }) => type)).toContain('clean-up-failed');
    expect(await left(docker.client)).toHaveLength(1);
    held.release();
    await proxy.start();
    await expect.poll(() => left(docker.client)).toEqual([]);
  });

  it('if the worker ends first', async () => {
    const proxy = await engineProxy();
    const timing = { absentMs: 100, againMs: 600_000 };
    const here = await containerWorker({ host: proxy.host, timing });
    proxy.loseAnswer(/^POST \S*\/networks\/create/);
    await here.resolved({ image: image.name, ...sh('true'), ...PROXIED });
    expect(await left(docker.client)).toHaveLength(1);
    await here.engine.close();
    expect(await left(docker.client)).toEqual([]);
  });
});

describe('an image that another worker removes before the container is created', () => {
  it('is pulled again, once', async () => {
    await using registry = await startRegistry();
    const other = await makeImage(docker.client);
    const { name } = await registry.push(docker.client, other.id, 'org/raced:1');
    await removeName(docker.client, other.name);
    const proxy = await engineProxy();
    const here = await containerWorker({ host: proxy.host });
    const held = proxy.hold(/^POST \S*\/containers\/create/);
    const task = await here.local.createTask({ image: name, ...sh('echo made') });
    await held.reached;
    await removeOurs(docker);
    held.release();
    const run = await here.ended(task);
    expect([run.state, run.log]).toEqual(['completed', expect.stringContaining('made')]);
    expect(run.log).toContain('The image was removed before its container was created: pulling it again');
    expect(run.log.match(/Pulled image/g)).toHaveLength(2);
    await removeOurs(docker);
  });
});

describe('an archive that has changed meanwhile', () => {
  it('leads to no image, neither for this task nor for the next', async () => {
    const other = await makeImage(docker.client);
    const archive = await saved(docker, other.name);
    await removeName(docker.client, other.name);
    await using images = await openImages(docker);
    const source = (verify: () => Promise<void>) => ({
      kind: 'archive' as const,
      name: 'the archive',
      key: `key-${name}`,
      open: async () => Readable.from([archive]),
      verify,
    });
    const name = testName();
    const archives = async () =>
      (await namesIn(docker)).ours.filter(each => /\/(archive|loading):/.test(each));
    const changed = images.get(
      source(async () => {
        expect(await archives()).toEqual([expect.stringContaining('/loading:')]);
        throw new TaskError('task-failed', 'somebody has written to the file');
      }),
      wanting(),
    );
    await expect(changed).rejects.toThrow('somebody has written to the file');
    expect(await archives()).toEqual([]);
    await using held = await images.get(
      source(async () => undefined),
      wanting(),
    );
    expect(held).toMatchObject({ id: other.id, isCached: false });
    await held[Symbol.asyncDispose]();
    await removeOurs(docker);
  });
});
