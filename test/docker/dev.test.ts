import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDocker } from '../../src/worker/engines/docker/api/index.ts';
import { tcw } from '../cli/tcw.ts';
import { makeImage, type TestImage } from '../harness/docker/images.ts';

const DOCKER_HOST = process.env.TCW_TEST_DOCKER_HOST ?? '';
const { client } = await connectDocker(DOCKER_HOST);
const folder = mkdtempSync(join(tmpdir(), 'tcw-dev-docker-'));
let image: TestImage;

beforeAll(async () => {
  image = await makeImage(client, { changes: ['ENV PATH=/bin'] });
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await client[Symbol.asyncDispose]();
});

/** A file with a task that says where it runs. */
function taskFile(more: object = {}): string {
  const file = join(folder, `${Math.random().toString(36).slice(2)}.json`);
  const command = ['sh', '-c', 'cat /etc/image; echo "in $(uname -s)"'];
  writeFileSync(file, JSON.stringify({ image: image.name, command, maxRunTime: 60, ...more }));
  return file;
}

const dev = (...words: readonly string[]) =>
  tcw(['dev', '--once', ...words], { environment: { DOCKER_HOST } });

describe('tcw dev', () => {
  it('runs tasks in containers and other tasks next to them if an engine answers', async () => {
    const native = join(folder, 'native.json');
    writeFileSync(native, JSON.stringify({ command: [['echo', 'on the machine']], maxRunTime: 60 }));
    const { exitCode, stdout, stderr } = await dev(taskFile(), native);
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain(image.name);
    expect(stdout).toContain('in Linux');
    expect(stdout).toContain('on the machine');
    const warning = 'native tasks run as the user of this worker, who can open ';
    if (DOCKER_HOST.startsWith('unix://')) expect(stderr).toContain(warning);
  });

  it('runs only tasks that the selected engine supports', async () => {
    const { exitCode, stdout } = await dev('--engine', 'native', taskFile());
    expect(exitCode).toBe(1);
    expect(stdout).toContain('/image');
  });

  it('and tcw run explain how to fix it if no engine answers', async () => {
    const nowhere = `unix://${join(folder, 'no.sock')}`;
    const refused = await dev('--engine', 'docker', '--docker-host', nowhere, taskFile());
    expect([refused.exitCode, refused.stderr]).toEqual([69, expect.stringContaining(nowhere) as unknown]);
    expect(refused.stderr).toContain('docker.io');
    const without = await dev('--docker-host', nowhere, taskFile());
    expect(without.exitCode).toBe(1);
    expect(without.stdout).toContain('/image');
  });
});
