import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectDocker } from '../../src/worker/engines/docker/api/index.ts';
import { newWorkplace, type Workplace } from '../cli/dev-session.ts';
import { makeImage, type TestImage } from '../harness/docker/images.ts';

const host = process.env.TCW_TEST_DOCKER_HOST;
const example = new URL('../../examples/payloads/docker-hello.yml', import.meta.url);

let image: TestImage;
let workplace: Workplace;
beforeAll(async () => {
  const { client } = await connectDocker(host);
  image = await makeImage(client);
  await client[Symbol.asyncDispose]();
  workplace = newWorkplace();
});
afterAll(() => workplace[Symbol.asyncDispose]());

// The tests pull nothing from outside, so the example gets an image of this machine.
it('tcw dev runs examples/payloads/docker-hello.yml in a container', async () => {
  const text = readFileSync(example, 'utf8');
  expect(text).toContain('image: busybox:1.36\n');
  const file = workplace.write('docker-hello.yml', text.replace('busybox:1.36', image.name));
  const dev = await workplace.dev(file, ...(host === undefined ? [] : ['--docker-host', host]));
  await expect.poll(() => dev.stdout).toMatch(/\n. docker-hello: .* \([\w-]{22}\)\n/);
  const [, taskId = ''] = /✔ docker-hello: completed \(([\w-]{22})\)/.exec(dev.stdout) ?? [];
  expect(taskId, dev.stdout).not.toBe('');
  expect(dev.stdout).toContain(`Hello from a container, task ${taskId}\r\n`);
  expect(await dev.artifact(taskId, 'public/report.txt')).toMatch(/^\w.*\d{4}\n$/);
  expect(await dev.stop()).toBe(0);
});
