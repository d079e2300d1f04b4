import { execa } from 'execa';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDocker } from '../../src/worker/engines/docker/api/index.ts';
import { removeName } from '../../src/worker/engines/docker/images/engine-images.ts';
import { dockerEngine } from '../../src/worker/engines/docker/index.ts';
import { container } from '../../src/worker/features/container/container.ts';
import { featuresOfOneSession } from '../../src/worker/index.ts';
import { makeImage } from '../harness/docker/images.ts';
import { startRegistry, type TestRegistry } from '../harness/docker/registry.ts';
import { deployment, type Deployment } from '../worker/deployment.ts';
import { DEVICES } from '../worker/docker/docker-deployment.ts';
import { dockerShapes, SHAPE_COUNT, uploadedName, type DockerShape } from '../worker/docker/shapes.ts';
import { host, labelled } from './container-worker.ts';
import { saved } from './images-of-tests.ts';
import { realShape, type ShapeImages } from './shape-commands.ts';

const NAMESPACE = 'test.docker-shapes.latest';
const IMAGE = { changes: [`CMD ["echo", "the image's own command"]`, 'ENV PATH=/bin'] };

const docker = await connectDocker(host);
const { client } = docker;
let registry: TestRegistry;
let images: ShapeImages;
let devices: string;
let local: Deployment;
let shapes: Map<string, DockerShape>;

beforeAll(async () => {
  registry = await startRegistry();
  images = await localImages();
  devices = await realDevices();
  const own = container(devices);
  const features = featuresOfOneSession().map(each => (each.name === own.name ? own : each));
  local = await deployment();
  const engine = await dockerEngine({ host });
  await local.startWorker({ capacity: 3 }, { wrap: () => engine, features });
  const { taskId, pool } = await publishImage();
  const all = dockerShapes({ taskId, namespace: NAMESPACE, pool });
  shapes = new Map(all.map(shape => [shape.title, realShape(shape, images)]));
});
afterAll(async () => {
  await local.close();
  await removeName(client, images.named);
  await rm(devices, { recursive: true });
  await registry[Symbol.asyncDispose]();
  await client[Symbol.asyncDispose]();
});

/** An image that the engine has by a tag, and one that it has to pull by its digest. */
async function localImages(): Promise<ShapeImages> {
  const image = await makeImage(client, IMAGE);
  const { name, digest } = await registry.push(client, image.id, 'shapes/builder:1');
  return { named: image.name, byDigest: `${name}@${digest}` };
}

/** Devices that containers can open: each is the null device under another name. Only the names matter to tasks. */
async function realDevices(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-devices-'));
  await mkdir(join(folder, 'snd'));
  await mkdir(join(folder, 'shm'));
  const nodes = DEVICES.filter(name => name !== 'shm').map(name => join(folder, name));
  await Promise.all(nodes.map(node => execa('mknod', ['--mode=666', node, 'c', '1', '3'])));
  return folder;
}

/** Has a task publish an image as real ones do: in an archive of `docker save`, that an index finds. */
async function publishImage(): Promise<{ readonly taskId: string; readonly pool: string }> {
  const { name } = await makeImage(client, IMAGE);
  const archive = zstdCompressSync(await saved(docker, name));
  await removeName(client, name);
  const maker = await makeImage(client, { entries: [{ name: 'image.tar.zst', content: archive }] });
  const artifact = { type: 'file', path: '/image.tar.zst' };
  const taskId = await local.createTask(
    {
      image: maker.name,
      command: ['true'],
      artifacts: { 'public/image.tar.zst': artifact, 'project/image.tar.zst': artifact },
    },
    { routes: [`index.${NAMESPACE}`] },
  );
  const { state, provisionerId, workerType } = await local.resolved(taskId);
  expect(state, await local.log(taskId)).toBe('completed');
  await removeName(client, maker.name);
  return { taskId, pool: `${provisionerId}/${workerType}` };
}

const titles = dockerShapes({ taskId: '', namespace: '', pool: '' }).map(({ title }) => title);

describe.concurrent('a task with the payload of a real one completes in a container:', () => {
  it.each(titles)('%s', async title => {
    const shape = shapes.get(title);
    if (!shape) throw new Error(`there is no shape ${title}`);
    const { payload, scopes } = shape;
    const taskId = await local.createTask(payload, { scopes: [...scopes] });
    const { state, runs } = await local.resolved(taskId);
    const runId = runs.length - 1;
    const { log = 'public/logs/live.log', artifacts = {} } = payload;
    const backing = log.replace(/(\.\w+)$/, '_backing$1');
    const text = (await local.artifact(taskId, backing, runId)).toString();
    expect(state, text).toBe('completed');
    expect(text).toContain(payload.command ? 'done\r\n' : "the image's own command\r\n");
    expect(runs.length).toBe(title.includes('tried again') ? 2 : 1);
    for (const [name, artifact] of Object.entries(artifacts)) {
      const content = await local.artifact(taskId, uploadedName(name, artifact), runId);
      expect(content.toString()).toBe('made\n');
    }
    const uploaded = await local.artifacts(taskId, runId);
    expect(uploaded.filter(({ storageType }) => storageType === 'error')).toEqual([]);
  });

  it('all of them at once', () => {
    expect(titles).toHaveLength(SHAPE_COUNT);
  });
});

it('the tasks leave nothing behind in the engine', async () => {
  await expect.poll(() => labelled(client, 'tcw.trace')).toEqual([]);
});
