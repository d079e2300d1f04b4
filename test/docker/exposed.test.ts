import { describe, expect, it, onTestFinished } from 'vitest';
import { NoRunningCommand } from '../../src/worker/engines/engine.ts';
import { connectDocker } from '../../src/worker/engines/docker/api/index.ts';
import { openContainerTerminal } from '../../src/worker/engines/docker/running/terminal.ts';
import { makeImage } from '../harness/docker/images.ts';
import { TALKING, watchedFromOutside } from '../worker/exposed.ts';
import { containerWorker, host, sh } from './container-worker.ts';

async function ofTheTest() {
  const { client } = await connectDocker(host);
  onTestFinished(() => client[Symbol.asyncDispose]());
  return { client, image: await makeImage(client, { changes: ['ENV PATH=/bin'] }) };
}

describe('a task in a container', () => {
  it('has a live log and a shell', async () => {
    const { image } = await ofTheTest();
    const { local } = await containerWorker({}, { publicIP: '127.0.0.1' });
    const taskId = await local.createTask({
      image: image.name,
      features: { interactive: true },
      ...sh(TALKING),
    });
    await watchedFromOutside(local, taskId, /^0\r?\n/);
  });
});

describe('a terminal in a container', () => {
  it('cannot be opened before the container starts, so the caller must try again', async () => {
    const { client, image } = await ofTheTest();
    const { Id: id } = await client.json<{ Id: string }>({
      method: 'POST',
      path: '/containers/create',
      body: { Image: image.name, Cmd: ['true'] },
    });
    onTestFinished(() =>
      client.json({ method: 'DELETE', path: `/containers/${id}`, query: { force: true } }),
    );
    const command = { argv: ['sh'], env: {}, size: { rows: 24, columns: 80 } };
    await expect(openContainerTerminal(client, id, command)).rejects.toBeInstanceOf(NoRunningCommand);
  });
});
