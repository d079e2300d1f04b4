import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { featuresOfOneSession } from '../../src/worker/index.ts';
import { deployment, sh, type Deployment, type RunningWorker } from './deployment.ts';
import { damagedShapes, expectResolved } from './damaged-shapes.ts';
import { tar } from './mounts/tar.ts';
import { nativeShapes, SHAPE_COUNT } from './native-shapes.ts';
import { RUN_TASK, type Artifact, type Shape } from './shape.ts';

const FIXTURES = fileURLToPath(new URL('./unpack/fixtures/', import.meta.url));
const NAMESPACE = 'test.native-shapes.latest';

let local: Deployment;
let worker: RunningWorker;
let server: Server;
let folder: string;
let dependency: string;
let shapes: Map<string, Shape>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tcw-native-shapes-'));
  const tree = tar([{ name: 'sub/a.txt', content: 'hello\n' }]);
  const contents: Record<string, Buffer> = {
    'run-task': Buffer.from(RUN_TASK),
    'run-task.zst': zstdCompressSync(RUN_TASK),
    'tree.tar.gz': gzipSync(tree),
    'tree.tar.zst': zstdCompressSync(tree),
    'tree.tar.bz2': await readFile(`${FIXTURES}tree.tar.bz2`),
    'tree.zip': await readFile(`${FIXTURES}tree.zip`),
  };
  for (const [name, bytes] of Object.entries(contents)) await writeFile(join(folder, name), bytes);
  server = createServer(({ url = '' }, response) => {
    const found = contents[url.slice(1)];
    response.writeHead(found ? 200 : 404, { 'content-length': found?.length ?? 0 }).end(found);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  local = await deployment();
  worker = await local.startWorker({ capacity: 3 }, { features: featuresOfOneSession() });
  const files = Object.keys(contents).map(name => `'${join(folder, name)}'`);
  dependency = await local.createTask(
    {
      ...sh(`mkdir build && cp ${files.join(' ')} build`),
      artifacts: ['public', 'project'].map(name => ({
        type: 'directory',
        path: 'build',
        name: `${name}/build`,
      })),
    },
    { routes: [`index.${NAMESPACE}`] },
  );
  const { state, provisionerId, workerType } = await local.resolved(dependency);
  expect(state, await local.log(dependency)).toBe('completed');
  const all = nativeShapes({
    url: name => `${origin}/${name}`,
    taskId: dependency,
    namespace: NAMESPACE,
    sha256: createHash('sha256')
      .update(contents['tree.tar.gz'] ?? '')
      .digest('hex'),
    folder,
    pool: `${provisionerId}/${workerType}`,
  });
  shapes = new Map(all.map(shape => [shape.title, shape]));
});
afterAll(async () => {
  await local.close();
  server.close();
  server.closeAllConnections();
  await rm(folder, { recursive: true, force: true });
});

const create = (payload: object, scopes: readonly string[]) =>
  local.createTask(payload, { dependencies: [dependency], scopes: [...scopes] });

/** Only the titles, because the tests are named before the server for mounts exists. */
const titles = nativeShapes({ url: String, taskId: '', namespace: '', sha256: '', folder: '', pool: '' });

describe.concurrent('a task with the payload of a real one completes:', () => {
  it.each(titles.map(({ title }) => title))('%s', async title => {
    const shape = shapes.get(title);
    if (!shape) throw new Error(`there is no shape ${title}`);
    const { payload, scopes } = shape;
    const taskId = await create(payload, scopes);
    const { state, runs } = await local.resolved(taskId);
    const runId = runs.length - 1;
    expect(state, await local.log(taskId, runId)).toBe('completed');
    expect(runs.length).toBe(payload.onExitStatus?.retry ? 2 : 1);
    const uploaded = await local.artifacts(taskId, runId);
    const expected = [
      ...(payload.artifacts ?? []).map(uploadedName),
      ...(payload.features?.chainOfTrust
        ? ['public/chain-of-trust.json', 'public/chain-of-trust.json.sig', 'public/logs/certified.log']
        : []),
      'public/logs/live.log',
      'public/logs/live_backing.log',
    ];
    expect(uploaded.map(({ name }) => name).sort()).toEqual(expected.sort());
    expect(uploaded.filter(({ storageType }) => storageType === 'error')).toEqual([]);
    for (const artifact of payload.artifacts ?? []) {
      expect((await local.artifact(taskId, uploadedName(artifact), runId)).toString()).toBe('made\n');
    }
  });

  it('all of them', () => {
    expect(titles).toHaveLength(SHAPE_COUNT);
  });
});

function uploadedName({ type, path, name = posix.normalize(path) }: Artifact): string {
  return type === 'file' ? name : posix.join(name, 'sub/made.txt');
}

it('a randomly damaged payload is resolved, and the worker runs the next task', async () => {
  await damagedShapes([...shapes.values()], async damaged => {
    const taskIds = await Promise.all(damaged.map(({ payload, scopes }) => create(payload, scopes)));
    await expectResolved(local, taskIds, damaged);
    expect(await local.resolved(await local.createTask(sh('true')))).toMatchObject({ state: 'completed' });
  });
  expect(worker.logged.filter(({ fields }) => 'err' in fields)).toEqual([]);
});
