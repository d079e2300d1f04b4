import { beforeAll, beforeEach, expect, it } from 'vitest';
import { connectDocker } from '../../src/worker/engines/docker/api/index.ts';
import { removeName } from '../../src/worker/engines/docker/images/engine-images.ts';
import { makeImage, type TestImage } from '../harness/docker/images.ts';
import { containerWorker, host, sh, type ContainerWorker } from './container-worker.ts';

let image: TestImage;
let here: ContainerWorker;

beforeAll(async () => {
  const { client } = await connectDocker(host);
  image = await makeImage(client);
  return async () => {
    await removeName(client, image.name);
    await client[Symbol.asyncDispose]();
  };
});
beforeEach(async () => {
  here = await containerWorker();
});

/** Half of a surrogate pair, as a program leaves it that cuts a text in the middle of an emoji. */
const HALF = '\ud83d';

it.each(['file', 'directory', 'volume'])(
  'half of a surrogate pair in the path of a %s is U+FFFD',
  async type => {
    const path = `/${HALF}`;
    const file = type === 'file' ? path : `${path}/file`;
    const run = await here.resolved({
      image: image.name,
      ...sh(`${type === 'directory' ? `mkdir '${path}' && ` : ''}echo "$A" > '${file}'`),
      env: { A: HALF },
      artifacts: { 'public/x': { type, path } },
    });
    expect([run.state, run.log]).toEqual(['completed', expect.not.stringContaining('error')]);
    const name = type === 'file' ? 'public/x' : 'public/x/file';
    expect(String(await here.local.artifact(run.taskId, name))).toBe('\ufffd\n');
  },
);

it('half of a surrogate pair in the name of an indexed image is U+FFFD, which the index refuses', async () => {
  const wanted = { type: 'indexed-image', namespace: `a.${HALF}`, path: 'public/x' };
  const run = await here.resolved({ image: wanted, ...sh('true') }, ['index:find-task:*']);
  expect([run.state, run.log]).toEqual([
    'failed',
    expect.stringContaining("'indexPath' given as 'a.\ufffd'"),
  ]);
});

it('a name in the index that is longer than any is malformed', async () => {
  const wanted = { type: 'indexed-image', namespace: 'a'.repeat(100_000), path: 'public/x' };
  const run = await here.resolved({ image: wanted, ...sh('true') });
  expect([run.reason, run.log]).toEqual([
    'malformed-payload',
    expect.stringContaining('/image/namespace must NOT have more than 255 characters'),
  ]);
});
