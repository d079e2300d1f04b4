import { createSign, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { EXPIRES } from './artifact-requests.ts';
import { refusalOf, startQueue, TASK_QUEUE_ID, WORKER, type QueueUnderTest } from './queue-under-test.ts';

const staticSecret = 'INXp9df8QE2K8d4SI1xl1wBYOFtwokT_CGEhsK15q8Og';
const NAME = [TASK_QUEUE_ID, WORKER.workerGroup, WORKER.workerId];
const PROOF = {
  workerPoolId: TASK_QUEUE_ID,
  providerId: 'static',
  ...WORKER,
  workerIdentityProof: { staticSecret },
};
const workerConfig = { genericWorker: { config: { foo: 1 } } };
const POOL = {
  providerId: 'static',
  description: 'd',
  owner: 'nobody@example.com',
  emailOnError: false,
  config: { workerConfig },
};

async function setUp(queue: QueueUnderTest) {
  const manager = queue.connectTo('worker-manager');
  await manager.createWorkerPool(TASK_QUEUE_ID, POOL);
  await manager.createWorker(...NAME, { expires: EXPIRES, providerInfo: { staticSecret } });
  return manager;
}

describe('createWorkerPool', () => {
  it('returns an existing pool when it is repeated, and is refused with another definition', async () => {
    await using queue = await startQueue();
    const manager = await setUp(queue);
    await manager.registerWorker(PROOF);
    const pool = await manager.workerPool(TASK_QUEUE_ID);
    expect(await manager.createWorkerPool(TASK_QUEUE_ID, POOL)).toEqual(pool);
    expect(pool).toMatchObject({ runningCount: 1, currentCapacity: 1 });
    const other = manager.createWorkerPool(TASK_QUEUE_ID, { ...POOL, description: 'other' });
    expect(await refusalOf(other)).toMatchObject({ status: 409, code: 'RequestConflict' });
  });
});

describe('updateWorkerPool', () => {
  it('changes a pool, and announces it; workers get its configuration when they register again', async () => {
    await using queue = await startQueue();
    const manager = await setUp(queue);
    await manager.registerWorker(PROOF);
    const changed = { workerConfig: { genericWorker: { config: { foo: 2 } } } };
    const wanted = { ...POOL, description: 'changed', config: changed };
    const updated = await manager.updateWorkerPool(TASK_QUEUE_ID, wanted);
    expect(updated).toMatchObject({ description: 'changed', runningCount: 1 });
    expect(await manager.workerPool(TASK_QUEUE_ID)).toEqual(updated);
    expect(queue.messages.at(-1)).toMatchObject({
      exchange: 'exchange/taskcluster-worker-manager/v1/worker-pool-updated',
      routingKey: 'primary._._._._._._._',
      body: { workerPoolId: TASK_QUEUE_ID, providerId: 'static', previousProviderId: 'static' },
    });
    expect((await manager.registerWorker(PROOF)).workerConfig).toEqual(changed.workerConfig);
    const missing = manager.updateWorkerPool('proj-test/none', wanted);
    expect(await refusalOf(missing)).toMatchObject({ status: 404, code: 'ResourceNotFound' });
  });
});

describe('a static worker', () => {
  it('registers with its secret, and can use the returned credentials', async () => {
    await using queue = await startQueue({ anonymousScopes: ['auth:current-scopes'] });
    await setUp(queue);
    const registration = await queue.connectTo('worker-manager', {}).registerWorker(PROOF);
    expect(registration.workerConfig).toEqual(workerConfig);
    const { credentials } = registration;
    expect(credentials.clientId).toBe(`worker/static/${NAME.join('/')}`);
    await queue.create();
    const { tasks } = await queue.connect(credentials).claimWork(TASK_QUEUE_ID, { ...WORKER, tasks: 1 });
    expect(tasks).toHaveLength(1);
    const { scopes } = await queue.connectTo('auth', credentials).currentScopes();
    expect(scopes).toEqual([
      'assume:anonymous',
      'assume:worker-id:group/worker-1',
      'assume:worker-pool:proj-test/pool',
      'assume:worker-type:proj-test/pool',
      'auth:current-scopes',
      'queue:claim-work:proj-test/pool',
      'queue:worker-id:group/worker-1',
      'secrets:get:worker-pool:proj-test/pool',
      'secrets:get:worker-type:proj-test/pool',
      'worker-manager:remove-worker:proj-test/pool/group/worker-1',
      'worker-manager:reregister-worker:proj-test/pool/group/worker-1',
      'worker-manager:should-worker-terminate:proj-test/pool/group/worker-1',
    ]);
  });

  it('is refused with a wrong secret, under another name, and by another provider', async () => {
    await using queue = await startQueue();
    const manager = await setUp(queue);
    const refusals = [
      [{ ...PROOF, workerIdentityProof: { staticSecret: 'x'.repeat(44) } }, 400, 'InputError'],
      [{ ...PROOF, workerIdentityProof: { token: 'x' } }, 400, 'InputError'],
      [{ ...PROOF, workerId: 'other' }, 404, 'ResourceNotFound'],
      [{ ...PROOF, providerId: 'cloud' }, 404, 'ResourceNotFound'],
    ] as const;
    for (const [proof, status, code] of refusals) {
      expect(await refusalOf(manager.registerWorker(proof))).toMatchObject({ status, code });
    }
  });

  it('gets credentials for the lifetime of its pool, and for four days at each renewal', async () => {
    await using queue = await startQueue();
    const manager = queue.connectTo('worker-manager');
    const config = { workerConfig, lifecycle: { reregistrationTimeout: 60 } };
    await manager.createWorkerPool(TASK_QUEUE_ID, { ...POOL, config });
    await manager.createWorker(...NAME, { expires: EXPIRES, providerInfo: { staticSecret } });
    const minutesLeft = ({ expires }: { expires: string }) =>
      Math.round((Date.parse(expires) - Date.now()) / 60_000);
    const first = await manager.registerWorker(PROOF);
    expect(minutesLeft(first)).toBe(1);
    const body = { workerPoolId: TASK_QUEUE_ID, ...WORKER, secret: first.secret };
    const second = await queue.connectTo('worker-manager', first.credentials).reregisterWorker(body);
    expect(minutesLeft(second)).toBe(96 * 60);
  });

  it('registers again once with the secret of its last registration', async () => {
    await using queue = await startQueue();
    const manager = await setUp(queue);
    const { secret, credentials } = await manager.registerWorker(PROOF);
    const worker = queue.connectTo('worker-manager', credentials);
    const again = (with_: string) =>
      worker.reregisterWorker({ workerPoolId: TASK_QUEUE_ID, ...WORKER, secret: with_ });
    const second = await again(secret);
    expect(await refusalOf(again(secret))).toMatchObject({ status: 400 });
    await again(second.secret);
  });

  it('is never told to terminate, and cannot return after it was removed', async () => {
    await using queue = await startQueue();
    const manager = await setUp(queue);
    const { credentials } = await manager.registerWorker(PROOF);
    const worker = queue.connectTo('worker-manager', credentials);
    expect(await worker.shouldWorkerTerminate(...NAME)).toEqual({ terminate: false, reason: 'none' });
    await worker.removeWorker(...NAME);
    expect(await worker.shouldWorkerTerminate(...NAME)).toEqual({ terminate: false, reason: 'none' });
    expect(await manager.worker(...NAME)).toMatchObject({ state: 'stopped' });
    expect(await manager.workerPool(TASK_QUEUE_ID)).toMatchObject({ stoppedCount: 1, runningCount: 0 });
    expect(await refusalOf(manager.registerWorker(PROOF))).toMatchObject({ status: 400 });
  });

  it('reports its errors, which are announced', async () => {
    await using queue = await startQueue();
    const manager = await setUp(queue);
    expect(queue.messages).toEqual([
      {
        exchange: 'exchange/taskcluster-worker-manager/v1/worker-pool-created',
        routingKey: 'primary._._._._._._._',
        routes: [],
        body: { workerPoolId: TASK_QUEUE_ID, providerId: 'static' },
      },
    ]);
    const error = { ...WORKER, kind: 'worker-error', title: 't', description: 'd', extra: {} };
    const reported = await manager.reportWorkerError(TASK_QUEUE_ID, error);
    expect(reported).toMatchObject({ kind: 'worker-error', title: 't', extra: WORKER });
    expect(queue.messages.at(-1)).toMatchObject({
      exchange: 'exchange/taskcluster-worker-manager/v1/worker-pool-error',
      routingKey: 'primary.static.proj-test.pool.group.worker-1._._',
      body: { errorId: reported.errorId, timestamp: reported.reported, ...WORKER },
    });
    const { workerPoolErrors } = await manager.listWorkerPoolErrors(TASK_QUEUE_ID);
    expect(workerPoolErrors).toEqual([reported]);
  });
});

describe('a machine of a cloud', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const instance = { instanceId: WORKER.workerId, region: 'group' };
  const proofOf = (document: string) => ({
    ...PROOF,
    providerId: 'aws',
    workerIdentityProof: {
      document,
      signature: createSign('RSA-SHA256').update(document).sign(privateKey, 'base64'),
    },
  });
  const document = JSON.stringify({ ...instance, imageId: 'ami-1' });

  async function launched(config = {}) {
    const queue = await startQueue({ clouds: { aws: { type: 'aws', publicKey } } });
    const manager = queue.connectTo('worker-manager');
    await manager.createWorkerPool(TASK_QUEUE_ID, {
      ...POOL,
      providerId: 'aws',
      config: { workerConfig, ...config },
    });
    await queue.requestWorker({ workerPoolId: TASK_QUEUE_ID, ...WORKER, instance });
    return { queue, manager };
  }

  it('registers once with the identity that its cloud has signed', async () => {
    const { queue, manager } = await launched();
    await using _ = queue;
    expect(await manager.workerPool(TASK_QUEUE_ID)).toMatchObject({ requestedCount: 1, runningCount: 0 });
    const others = [
      proofOf(JSON.stringify({ ...instance, region: 'elsewhere' })),
      { ...proofOf(document), workerIdentityProof: { document, signature: 'AAAA' } },
    ];
    for (const other of others) {
      expect(await refusalOf(manager.registerWorker(other))).toMatchObject({
        status: 400,
        text: 'Instance validation error',
      });
    }
    expect(await manager.registerWorker(proofOf(document))).toMatchObject({ workerConfig });
    expect(await refusalOf(manager.registerWorker(proofOf(document)))).toMatchObject({
      status: 400,
      text: 'This worker is either stopped or running. No need to register',
    });
    expect(await manager.worker(...NAME)).toMatchObject({ state: 'running' });
  });

  it('is announced while it exists, with the names of its pool', async () => {
    const { queue, manager } = await launched();
    await using _ = queue;
    await manager.registerWorker(proofOf(document));
    await manager.removeWorker(...NAME);
    await queue.workerStopped({ workerPoolId: TASK_QUEUE_ID, ...WORKER });
    const lives = queue.messages.filter(({ exchange }) =>
      /worker-(requested|running|removed|stopped)$/.test(exchange),
    );
    expect(lives.map(({ exchange }) => exchange.split('/').at(-1))).toEqual([
      'worker-requested',
      'worker-running',
      'worker-removed',
      'worker-stopped',
    ]);
    const { workerGroup, workerId } = WORKER;
    for (const { routingKey, body } of lives) {
      expect(routingKey).toBe(`primary.aws.proj-test.pool.${workerGroup}.${workerId}._._`);
      expect(body).toMatchObject({ workerPoolId: TASK_QUEUE_ID, providerId: 'aws', ...WORKER, capacity: 1 });
    }
    expect(await manager.worker(...NAME)).toMatchObject({ state: 'stopped' });
  });

  it('is needed while tasks are pending', async () => {
    const { queue, manager } = await launched({ maxCapacity: 5 });
    await using _ = queue;
    await manager.registerWorker(proofOf(document));
    expect(await manager.shouldWorkerTerminate(...NAME)).toEqual({
      terminate: true,
      reason: 'over capacity',
    });
    await queue.create();
    expect(await manager.shouldWorkerTerminate(...NAME)).toEqual({ terminate: false, reason: 'needed' });
  });

  it('gives its runs up when it is removed', async () => {
    const { queue, manager } = await launched();
    await using _ = queue;
    await manager.registerWorker(proofOf(document));
    const taskId = await queue.create();
    await queue.claim();
    await manager.removeWorker(...NAME);
    expect((await queue.root.status(taskId)).status.runs).toMatchObject([
      { state: 'exception', reasonResolved: 'worker-shutdown' },
      { state: 'pending', reasonCreated: 'retry' },
    ]);
    expect(await manager.worker(...NAME)).toMatchObject({ state: 'stopping' });
  });
});
