import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { damagedShapes, expectResolved } from '../damaged-shapes.ts';
import { dockerDeployment, type DockerDeployment } from './docker-deployment.ts';
import { dockerShapes, SHAPE_COUNT, uploadedName, type DockerShape } from './shapes.ts';

const NAMESPACE = 'test.docker-shapes.latest';

let docker: DockerDeployment;
let shapes: Map<string, DockerShape>;

beforeAll(async () => {
  docker = await dockerDeployment();
  const { local } = docker;
  const names = ['public/image.tar.zst', 'project/image.tar.zst'];
  const taskId = await local.createTask(
    {
      image: 'builder',
      command: ['write-file', '/image.tar.zst', 'an image'],
      artifacts: Object.fromEntries(names.map(name => [name, { type: 'file', path: '/image.tar.zst' }])),
    },
    { routes: [`index.${NAMESPACE}`] },
  );
  const { state, provisionerId, workerType } = await local.resolved(taskId);
  expect(state, await local.log(taskId)).toBe('completed');
  const all = dockerShapes({ taskId, namespace: NAMESPACE, pool: `${provisionerId}/${workerType}` });
  shapes = new Map(all.map(shape => [shape.title, shape]));
});
afterAll(() => docker[Symbol.asyncDispose]());

/** Only the titles, because the tests are named before the image exists. */
const titles = dockerShapes({ taskId: '', namespace: '', pool: '' });

describe.concurrent('a task with the payload of a real one completes:', () => {
  it.each(titles.map(({ title }) => title))('%s', async title => {
    const { local } = docker;
    const shape = shapes.get(title);
    if (!shape) throw new Error(`there is no shape ${title}`);
    const { payload, scopes } = shape;
    const taskId = await local.createTask(payload, { scopes: [...scopes] });
    const { state, runs } = await local.resolved(taskId);
    const runId = runs.length - 1;
    const { log = 'public/logs/live.log', artifacts = {}, features = {} } = payload;
    const backing = log.replace(/(\.\w+)$/, '_backing$1');
    const text = (await local.artifact(taskId, backing, runId)).toString();
    expect(state, text).toBe('completed');
    expect(text).toContain(payload.command ? 'done\n' : "the image's own command\n");
    expect(runs.length).toBe(title.includes('tried again') ? 2 : 1);
    const expected = [
      ...Object.entries(artifacts).map(([name, artifact]) => uploadedName(name, artifact)),
      ...(features.chainOfTrust
        ? ['public/chain-of-trust.json', 'public/chain-of-trust.json.sig', 'public/logs/certified.log']
        : []),
      backing,
      ...(features.localLiveLog === false ? [] : [log]),
    ];
    const uploaded = await local.artifacts(taskId, runId);
    expect(uploaded.map(({ name }) => name).sort()).toEqual(expected.sort());
    expect(uploaded.filter(({ storageType }) => storageType === 'error')).toEqual([]);
    for (const [name, artifact] of Object.entries(artifacts)) {
      const content = await local.artifact(taskId, uploadedName(name, artifact), runId);
      expect(content.toString()).toBe('made\n');
    }
  });

  it('all of them', () => {
    expect(titles).toHaveLength(SHAPE_COUNT);
  });
});

it('a randomly damaged payload is resolved, and the worker runs the next task', async () => {
  const { local, worker, engine } = docker;
  await damagedShapes([...shapes.values()], async damaged => {
    const taskIds = await Promise.all(
      damaged.map(({ payload, scopes }) => local.createTask(payload, { scopes: [...scopes] })),
    );
    await expectResolved(local, taskIds, damaged);
    const next = await local.createTask({ image: 'builder', command: ['print', ''] });
    expect(await local.resolved(next)).toMatchObject({ state: 'completed' });
  });
  expect(worker.logged.filter(({ fields }) => 'err' in fields)).toEqual([]);
  await expect.poll(() => [engine.asked.images.held, engine.asked.networks]).toEqual([[], []]);
});
