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
  it('is answered again with the pool that is there, and refused for another', async () => {
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

describe('a worker that is set up by hand', () => {
  it('registers with its secret, and works with what it is given', async () => {
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

  it('is refused with another secret, under another name, and by another provider', async () => {
    await using queue = await startQueue();
    const manager = await setUp(queue);
    const proofs = [
      { ...PROOF, workerIdentityProof: { staticSecret: 'x'.repeat(44) } },
      { ...PROOF, workerIdentityProof: { token: 'x' } },
      { ...PROOF, workerId: 'other' },
      { ...PROOF, providerId: 'cloud' },
    ];
    for (const proof of proofs) {
      expect(await refusalOf(manager.registerWorker(proof))).toMatchObject({
        status: 400,
        code: 'InputError',
      });
    }
  });

  it('registers again by the secret of its last registration, once', async () => {
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

  it('is told to terminate once it is removed, and does not come back', async () => {
    await using queue = await startQueue();
    const manager = await setUp(queue);
    const { credentials } = await manager.registerWorker(PROOF);
    const worker = queue.connectTo('worker-manager', credentials);
    expect(await worker.shouldWorkerTerminate(...NAME)).toEqual({ terminate: false, reason: 'none' });
    await worker.removeWorker(...NAME);
    expect(await worker.shouldWorkerTerminate(...NAME)).toMatchObject({ terminate: true });
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
