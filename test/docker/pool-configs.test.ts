import { afterAll, expect, it, onTestFinished } from 'vitest';
import { connectDocker } from '../../src/worker/engines/docker/api/index.ts';
import { poolWorker, withoutAnyEffect } from '../cli/pool-worker.ts';
import { containers } from '../config/pool-configs.ts';
import { makeImage } from '../harness/docker/images.ts';

const host = process.env.TCW_TEST_DOCKER_HOST;
const { client } = await connectDocker(host);
afterAll(() => client[Symbol.asyncDispose]());

it('the example configuration for a pool of containers runs a docker-worker task with tcw run, unchanged', async () => {
  const image = await makeImage(client, { changes: ['ENV PATH=/bin'] });
  const pool = { ...containers, ...(host !== undefined && { dockerHost: host }) };
  const worker = await poolWorker(pool);
  onTestFinished(() => void worker.stop());
  await worker.listening();
  const create = (payload: object) => worker.here.create('', {}, { image: image.name, ...payload });
  const taskId = await create({ command: ['sh', '-c', 'echo in a container of $TASKCLUSTER_INSTANCE_TYPE'] });
  await worker.here.reaches(taskId, 'completed');
  expect(await worker.here.artifact(taskId, 'public/logs/live_backing.log')).toContain(
    'in a container of large',
  );
  // What the pool forbids.
  const forbidden = await create({ command: ['true'], capabilities: { privileged: true } });
  await worker.here.reaches(forbidden, 'exception');
  expect(withoutAnyEffect(worker.warnings())).toEqual([]);
  expect(await worker.stop()).toBe(72);
});
