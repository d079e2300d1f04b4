import { expect, it, onTestFinished } from 'vitest';
import { connectDocker } from '../../src/worker/engines/docker/api/index.ts';
import { queueForWorkers } from '../cli/workers.ts';
import { makeImage } from '../harness/docker/images.ts';
import { host, sh } from './container-worker.ts';
import { engineProxy } from './engine-proxy.ts';

it('an engine that stays away for longer than dockerAbsenceSecs ends the worker with 69', async () => {
  const { client } = await connectDocker(host);
  const image = await makeImage(client);
  const proxy = await engineProxy();
  const workers = await queueForWorkers();
  onTestFinished(() => workers.close());
  const flags = ['--engine=docker', `--docker-host=${proxy.host}`, '--docker-absence-secs=1'];
  const worker = workers.start(...flags);
  await workers.reaches(await workers.create('', {}, { image: image.name, ...sh('true') }), 'completed');
  await proxy.stop();
  // A claim that was open when the engine went may still bring a task.
  await worker.says(
    'the engine docker does not answer: this worker asks for no work until the engine answers',
  );
  const taskId = await workers.create('', {}, { image: image.name, ...sh('true') });
  await worker.says(
    'the engine docker has been away for 1 s: the worker ends. Start the engine again, or change dockerAbsenceSecs',
  );
  expect(await worker.exited).toBe(69);
  await workers.reaches(taskId, 'pending');
});
