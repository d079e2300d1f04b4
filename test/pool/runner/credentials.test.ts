import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/local/clock.ts';
import { serviceCalls } from '../../../src/taskcluster/index.ts';
import { queueForWorkers } from '../../cli/workers.ts';
import { PATIENCE_MS, TEST_MS } from '../../patience.ts';
import { awsMachine } from '../clouds/aws-machine.ts';
import { playRunner } from './played-runner.ts';

const MINUTE_MS = 60_000;
const LIFE_MS = 96 * 60 * MINUTE_MS;
const POOL = 'test/processes';
const WORKER = { workerPoolId: POOL, workerGroup: 'group', workerId: 'w-runner' };
const STATIC_SECRET = 's'.repeat(44);
const CLOUD = 'a-cloud';
const aws = awsMachine();

/** What worker-manager gives a worker, and the name of the worker if it is not {@link WORKER}. */
interface Registered {
  readonly clientId: string;
  readonly accessToken: string;
  readonly certificate?: string;
  readonly workerId?: string;
}

/** worker-manager gives a worker its credentials, and a runner that the tests play brings them. */
describe('a worker of worker-manager under worker-runner', { timeout: TEST_MS }, () => {
  let here: Awaited<ReturnType<typeof queueForWorkers>>;
  let folder: string;
  let call: ReturnType<typeof serviceCalls>;
  /** What the services' clock is before this machine's, in ms. */
  let ahead: number;

  beforeEach(async () => {
    ahead = 0;
    here = await queueForWorkers({
      clock: { ...systemClock, now: () => Date.now() + ahead },
      clouds: { [CLOUD]: { type: 'aws', publicKey: aws.publicKey } },
    });
    folder = await mkdtemp(join(tmpdir(), 'tcw-runner-'));
    call = serviceCalls({ rootUrl: here.local.rootUrl });
  });
  afterEach(async () => {
    await here.close();
    await rm(folder, { recursive: true, force: true });
  });

  const createPool = (providerId: string) =>
    call(here.user, 'workerManager', 'createWorkerPool', POOL, {
      providerId,
      description: 'test',
      owner: 'test@example.com',
      emailOnError: false,
      config: {},
    });
  const createStaticWorker = async () => {
    await createPool('static');
    await call(here.user, 'workerManager', 'createWorker', POOL, 'group', 'w-runner', {
      expires: new Date(Date.now() + 2 * LIFE_MS).toJSON(),
      providerInfo: { staticSecret: STATIC_SECRET },
    });
  };
  /** Credentials of the static worker that expire so long from now. */
  const register = async (lifeMs: number) => {
    ahead = lifeMs - LIFE_MS;
    const { credentials } = await call(undefined, 'workerManager', 'registerWorker', {
      ...WORKER,
      providerId: 'static',
      workerIdentityProof: { staticSecret: STATIC_SECRET },
    });
    ahead = 0;
    return credentials;
  };
  /** The credentials of a machine that a cloud has started for the pool. */
  const registerMachine = async () => {
    const { instance, document, signature } = aws;
    await createPool(CLOUD);
    await here.local.requestWorker({
      ...WORKER,
      workerPoolId: POOL,
      workerId: instance.instanceId,
      instance,
    });
    const { credentials } = await call(undefined, 'workerManager', 'registerWorker', {
      ...WORKER,
      workerId: instance.instanceId,
      providerId: CLOUD,
      workerIdentityProof: { document, signature },
    });
    return { ...credentials, workerId: instance.instanceId };
  };
  const play = ({ workerId = WORKER.workerId, ...credentials }: Registered) =>
    playRunner({
      folder,
      config: {
        rootURL: here.local.rootUrl,
        ...credentials,
        provisionerId: 'test',
        workerType: 'processes',
        workerGroup: 'group',
        workerId,
        workerLocation: '{"cloud":"google","region":"us-east1","zone":"us-east1-b"}',
        tasksDir: here.tasksDir,
        enableMetadata: false,
        requiredDiskSpaceMegabytes: 1,
        capacity: 2,
      },
    });

  it('claims tasks whose calls go through the proxy, with new credentials after the old ones have expired', async () => {
    await createStaticWorker();
    const runner = await play(await register(10 * MINUTE_MS));
    const [begun, go] = [join(folder, 'begun'), join(folder, 'go')];
    const asks = `
      const { existsSync, writeFileSync } = require('node:fs');
      const url = process.env.TASKCLUSTER_PROXY_URL + '/api/auth/v1/scopes/current';
      const scopes = async () => JSON.stringify(await (await fetch(url)).json());
      (async () => {
        console.log('before', await scopes());
        writeFileSync('${begun}', '');
        while (!existsSync('${go}')) await new Promise(resolve => setTimeout(resolve, 100));
        console.log('after', await scopes());
      })();`;
    const first = await here.create(
      `'${process.execPath}' -e "$SCRIPT"`,
      { scopes: ['auth:current-scopes'] },
      { env: { SCRIPT: asks }, features: { taskclusterProxy: true } },
    );
    await expect.poll(() => existsSync(begun), { timeout: PATIENCE_MS }).toBe(true);
    const { clientId, accessToken, certificate = '' } = await register(LIFE_MS);
    runner.say({
      type: 'new-credentials',
      'client-id': clientId,
      'access-token': accessToken,
      certificate,
    });
    await runner.logs('worker-runner has renewed the credentials', { clientId });
    // The credentials that it was started with are over, and those of the run's claim are not.
    ahead = 11 * MINUTE_MS;
    const second = await here.create('true');
    await here.reaches(second, 'completed');
    await writeFile(go, '');
    await here.reaches(first, 'completed');
    const log = await here.artifact(first, 'public/logs/live_backing.log');
    const answers = log.split(/\r?\n/).filter(line => line.includes('"auth:current-scopes"'));
    expect(answers.map(line => line.split(' ')[0])).toEqual(['before', 'after']);
    expect(
      runner.logged().filter(({ textPayload }) => String(textPayload).includes('could not ask')),
    ).toEqual([]);
    expect(JSON.stringify(runner.messages)).not.toContain(accessToken);
    runner.say({ type: 'graceful-termination', 'finish-tasks': true });
    expect(await runner.exited).toBe(71);
  });

  it('finishes its task and requests the end of the machine when it is no longer needed (70)', async () => {
    // The pool needs a machine for its one task, and none from then on.
    const taskId = await here.create('true');
    const runner = await play(await registerMachine());
    await here.reaches(taskId, 'completed');
    await runner.logs('worker-manager does not need this worker');
    expect(await runner.exited).toBe(70);
    await expect
      .poll(() => runner.ofType('shutdown'), { timeout: PATIENCE_MS })
      .toEqual([{ type: 'shutdown' }]);
    expect(runner.messages.at(-1)).toEqual({ type: 'shutdown' });
  });
});
