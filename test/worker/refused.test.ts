import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { newOpenpgpKeyPair } from '../../src/base/index.ts';
import { deployment, sh } from './deployment.ts';

let encryptedEnvKeyLocation: string;
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-test-'));
  encryptedEnvKeyLocation = join(folder, 'key');
  await writeFile(encryptedEnvKeyLocation, (await newOpenpgpKeyPair('pool')).privateKey.reveal());
  return () => rm(folder, { recursive: true });
});

/** The log of a task that a worker refuses because its pool does not allow the proxy. */
async function refused(payload: object): Promise<string> {
  const here = await deployment();
  onTestFinished(() => here.close());
  await here.startWorker({ enableTaskclusterProxy: false, encryptedEnvKeyLocation });
  const taskId = await here.createTask(payload);
  expect(await here.resolved(taskId)).toMatchObject({
    state: 'exception',
    runs: [{ reasonResolved: 'malformed-payload' }],
  });
  return here.log(taskId);
}

const WISHES = {
  ...sh('true'),
  encryptedEnv: ['no message!'],
  mounts: [{ directory: 'build', cacheName: 'mine' }],
  features: { taskclusterProxy: true, loopbackVideo: true },
};
const REASONS = [
  'encryptedEnv[0] is not base64',
  'Feature "mounts" requires scopes:',
  'generic-worker:cache:mine',
  `feature "taskclusterProxy", but it's not enabled on this worker pool`,
  'feature "loopbackVideo"',
];

it('lists all reasons at once in the log of a refused task', async () => {
  const log = await refused(WISHES);
  for (const reason of REASONS) expect(log).toContain(reason);
});

it('lists them together with the problems of its payload, and without the schema', async () => {
  const log = await refused({ ...WISHES, maxRunTime: 'long', colour: 'red' });
  const reasons = [
    '- /maxRunTime must be integer; it is "long"',
    '- /colour is not a known property',
    ...REASONS,
  ];
  for (const reason of reasons) expect(log).toContain(reason);
  expect(log).toContain('tcw show-payload-schema --format generic-worker prints the payload schema');
  expect(log).not.toContain('additionalProperties');
  expect(log.match(/validation of payload failed for task /g)).toHaveLength(1);
});
