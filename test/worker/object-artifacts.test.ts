import { afterEach, beforeEach, expect, it } from 'vitest';
import { deployment, sh, type Deployment } from './deployment.ts';

let here: Deployment;

beforeEach(async () => {
  here = await deployment();
});
afterEach(async () => {
  await here.close();
});

it('keeps artifacts and the log in the object service, where later tasks find them', async () => {
  await here.startWorker({ createObjectArtifacts: true });
  const first = await here.createTask({
    ...sh('mkdir out && printf small > out/small.txt && seq 100000 > out/large.txt && echo said'),
    artifacts: [
      { type: 'directory', path: 'out', name: 'public/out' },
      { type: 'file', path: 'none', name: 'public/none', optional: true },
    ],
  });
  expect((await here.resolved(first)).state).toBe('completed');
  const stored = await here.artifacts(first);
  expect(stored.map(({ name, storageType }) => `${storageType} ${name}`).sort()).toEqual([
    'error public/none',
    'link public/logs/live.log',
    'object public/logs/live_backing.log',
    'object public/out/large.txt',
    'object public/out/small.txt',
  ]);

  const mount = (file: string, artifact: string) => ({ file, content: { taskId: first, artifact } });
  const second = await here.createTask(
    {
      ...sh('cat small; wc -l < large; grep said live; cat small large live > all'),
      mounts: [
        mount('small', 'public/out/small.txt'),
        mount('large', 'public/out/large.txt'),
        mount('live', 'public/logs/live.log'),
      ],
      artifacts: [{ type: 'file', path: 'large', name: 'public/again.txt', contentEncoding: 'gzip' }],
    },
    { dependencies: [first] },
  );
  expect((await here.resolved(second)).state).toBe('completed');
  expect(await here.artifacts(second)).toContainEqual(
    expect.objectContaining({ name: 'public/again.txt', storageType: 'object' }),
  );
});

it('keeps them in S3 unless it is configured otherwise', async () => {
  await here.startWorker();
  const taskId = await here.createTask({
    ...sh('seq 100000 > large.txt'),
    artifacts: [{ type: 'file', path: 'large.txt', name: 'public/large.txt' }],
  });
  expect((await here.resolved(taskId)).state).toBe('completed');
  expect((await here.artifacts(taskId)).map(({ storageType }) => storageType).sort()).toEqual([
    'link',
    's3',
    's3',
  ]);
  const lines = (await here.artifact(taskId, 'public/large.txt')).toString().trim().split('\n');
  expect(lines).toHaveLength(100_000);
});
