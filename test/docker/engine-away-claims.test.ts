import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { connectDocker, type DockerClient } from '../../src/worker/engines/docker/api/index.ts';
import { removeName } from '../../src/worker/engines/docker/images/engine-images.ts';
import { queueForWorkers } from '../cli/workers.ts';
import { makeImage, type TestImage } from '../harness/docker/images.ts';
import { host, left, sh } from './container-worker.ts';
import { engineProxy } from './engine-proxy.ts';

const AWAY = 'the engine docker does not answer: this worker asks for no work until the engine answers';
const GIVEN_BACK = 'giving a claim back, because its engine does not answer';
/** Longer than a test takes, so that a `claimWork` call stays open until a task arrives. */
const LONG_POLL_MS = 120_000;

let client: DockerClient;
let image: TestImage;

beforeAll(async () => {
  ({ client } = await connectDocker(host));
  image = await makeImage(client);
  return async () => {
    await removeName(client, image.name);
    await client[Symbol.asyncDispose]();
  };
});

describe('a claimWork call that was open when the engine disappeared', () => {
  it('may return a task, which is given back, and completes when the engine is back', async () => {
    const { workers, worker, proxy } = await pollingWorker('docker');
    await proxy.stop();
    const taskId = await workers.create('', {}, { image: image.name, ...sh('true') });
    await workers.reaches(taskId, 'exception');
    const { runs } = await workers.status(taskId);
    expect(runs[0]).toMatchObject({ reasonResolved: 'worker-shutdown' });
    await worker.says(GIVEN_BACK, { taskId });
    await worker.says(AWAY);
    expect((await workers.status(taskId)).state).toBe('pending');
    await proxy.start();
    await workers.reaches(taskId, 'completed', 1);
  });

  it('may return a task for another engine, which runs', async () => {
    const { workers, proxy } = await pollingWorker('native,docker');
    await proxy.stop();
    await workers.reaches(await workers.create('true'), 'completed');
  });
});

describe('an engine that disappears', () => {
  it('between the claim and the start of the container leads to a run that is given back and later completes', async () => {
    // A worker of the test before may have been ended while it removed its container.
    const before = await left(client);
    const { workers, worker, proxy } = await pollingWorker('docker', '--docker-absence-secs=0');
    const held = proxy.hold(/^POST \S*\/containers\/create/);
    const taskId = await workers.create('', {}, { image: image.name, ...sh('true') });
    await held.reached;
    await proxy.stop();
    await workers.reaches(taskId, 'exception');
    expect((await workers.status(taskId)).runs[0]).toMatchObject({ reasonResolved: 'worker-shutdown' });
    await worker.says(AWAY);
    held.release();
    await proxy.start();
    await workers.reaches(taskId, 'completed', 1);
    await expect.poll(async () => (await left(client)).filter(id => !before.includes(id))).toEqual([]);
  });
});

/** A worker that polls the queue, with a `claimWork` call open. */
async function pollingWorker(engine: string, ...flags: string[]) {
  const proxy = await engineProxy();
  const workers = await queueForWorkers({ longPollMs: LONG_POLL_MS });
  onTestFinished(() => workers.close());
  const worker = workers.start(`--engine=${engine}`, `--docker-host=${proxy.host}`, ...flags);
  await workers.reaches(await workers.create('', {}, { image: image.name, ...sh('true') }), 'completed');
  // The next call follows at once, after the engine has answered.
  await sleep(1_500);
  return { workers, worker, proxy };
}
