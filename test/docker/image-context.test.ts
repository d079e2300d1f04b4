import { execa } from 'execa';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { connectDocker } from '../../src/worker/engines/docker/api/index.ts';
import { makeImage, testName } from '../harness/docker/images.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Folders that the build of the image does not need. */
const UNNEEDED = /^(\.ci|bench|soak|test)\//;
/** Files that a clone has only after `npm ci`, a build or a test. */
const MADE = /(^|\/)(node_modules|\.git)(\/|$)|^dist\/|\.(tgz|log)$/;

// The image itself is not built here, because that needs the npm registry and Debian's packages.
it('a build of examples/image/Dockerfile gets every file that it needs, and nothing that npm or a build has made', async () => {
  const host = process.env.TCW_TEST_DOCKER_HOST;
  const { client } = await connectDocker(host);
  const base = await makeImage(client);
  const name = testName();
  onTestFinished(async () => {
    for (const image of [name, base.name])
      await client.json({ method: 'DELETE', path: `/images/${image}?force=true` });
    await client[Symbol.asyncDispose]();
  });
  // The builder of BuildKit is a package of its own. Both read .dockerignore.
  const docker = (args: readonly string[], input = '') =>
    execa('docker', args, { cwd: root, input, env: { DOCKER_HOST: host, DOCKER_BUILDKIT: '0' } });
  await docker(['build', '-q', '-t', name, '-f', '-', '.'], `FROM ${base.name}\nWORKDIR /src\nCOPY . .\n`);
  const { stdout: copied } = await docker(['run', '--rm', name, 'find', '.', '!', '-type', 'd']);
  const files = copied.split('\n').map(path => path.replace('./', ''));
  const { stdout: tracked } = await execa('git', ['ls-files'], { cwd: root });
  const needed = tracked.split('\n').filter(path => !UNNEEDED.test(path));
  expect(needed.filter(path => !files.includes(path))).toEqual([]);
  expect(files.filter(path => UNNEEDED.test(path) || MADE.test(path))).toEqual([]);
});
