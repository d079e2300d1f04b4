import taskcluster from 'taskcluster-client';
import { describe, expect, it, vi } from 'vitest';
import type { LocalQueueOptions } from '../../src/local/index.ts';
import { Secret } from '../../src/pulse/index.ts';
import { connectQueue, ServiceError, type Claim, type Queue } from '../../src/taskcluster/index.ts';
import { startQueue, TASK_QUEUE_ID, WORKER } from '../local/queue-under-test.ts';
import { json, refusal, webServer } from './web-server.ts';

const CLAIM_MS = 60_000;

/** A real queue on this machine, and a worker's face on it. `as: root` may ask questions too. */
async function start({ as = 'worker', ...options }: StartOptions = {}) {
  const real = await startQueue({
    claimTimeoutMs: CLAIM_MS,
    longPollMs: 100,
    checkIntervalMs: 20,
    ...options,
  });
  const { clientId, accessToken } = real.credentials[as];
  const queue = connectQueue({
    rootUrl: real.rootUrl,
    credentials: { clientId, accessToken: new Secret(accessToken) },
    taskQueueId: TASK_QUEUE_ID,
    ...WORKER,
  });
  return { real, queue, [Symbol.asyncDispose]: () => real.close() };
}

interface StartOptions extends Partial<LocalQueueOptions> {
  readonly as?: 'worker' | 'root';
}

async function claimOne(queue: Queue): Promise<Claim> {
  const [claim] = await queue.claimWork(1);
  if (!claim) throw new Error('there was nothing to claim');
  return claim;
}

const stateOf = async (real: { root: { status: (id: string) => Promise<unknown> } }, taskId: string) => {
  const { status } = (await real.root.status(taskId)) as {
    status: { runs: { state: string; reasonResolved?: string }[] };
  };
  return status.runs.map(({ state, reasonResolved }) => reasonResolved ?? state);
};

describe('claimWork', () => {
  it('returns as many claims as requested, for as long as the queue says', async () => {
    await using under = await start();
    const ids = [await under.real.create(), await under.real.create(), await under.real.create()];
    const claims = await under.queue.claimWork(2);
    expect(claims).toHaveLength(2);
    for (const { taskId, runId, workerGroup, workerId, task, startedMs, lease } of claims) {
      expect(ids).toContain(taskId);
      expect({ runId, workerGroup, workerId }).toEqual({ runId: 0, ...WORKER });
      expect(task.payload).toEqual({ command: ['true'] });
      expect(lease.takenUntilMs - startedMs).toBe(CLAIM_MS);
    }
  });

  it('returns none if nothing is pending', async () => {
    await using under = await start();
    expect(await under.queue.claimWork(1)).toEqual([]);
  });

  it('is refused for more than 32 tasks, the limit of the queue', async () => {
    await using under = await start();
    await expect(under.queue.claimWork(33)).rejects.toMatchObject({ kind: 'refused', statusCode: 400 });
  });
});

describe('a query', () => {
  it('has an answer if the worker is allowed to make it', async () => {
    await using under = await start({ as: 'root' });
    expect(await under.queue.pendingTasks()).toBe(0);
    const taskId = await under.real.create();
    expect(await under.queue.pendingTasks()).toBe(1);
    expect(await under.queue.status(taskId)).toMatchObject({ taskId, state: 'pending' });
  });

  it('has no answer, without an error, if the worker is not allowed to make it', async () => {
    const { rootUrl, requests } = await webServer(refusal(403, 'InsufficientScopes', 'no'));
    const credentials = { clientId: 'x', accessToken: new Secret('x') };
    const queue = connectQueue({ rootUrl, credentials, taskQueueId: TASK_QUEUE_ID, ...WORKER });
    expect(await queue.pendingTasks()).toBeUndefined();
    expect(await queue.status('Wq3cJ8DbQ0eHkZ5uYt1mPA')).toBeUndefined();
    expect(requests).toHaveLength(2);
  });

  it('fails if the task does not exist', async () => {
    await using under = await start({ as: 'root' });
    await expect(under.queue.status(taskcluster.slugid())).rejects.toMatchObject({ statusCode: 404 });
  });
});

describe('the calls about a run', () => {
  it.each([
    ['completed', 'completed', (queue: Queue, claim: Claim) => queue.forRun(claim).reportCompleted()],
    ['failed', 'failed', (queue: Queue, claim: Claim) => queue.forRun(claim).reportFailed()],
    [
      'exception',
      'malformed-payload',
      (queue: Queue, claim: Claim) => queue.forRun(claim).reportException('malformed-payload'),
    ],
  ])('report it: %s', async (_, expected, report) => {
    await using under = await start();
    await under.real.create();
    const claim = await claimOne(under.queue);
    await report(under.queue, claim);
    expect(await stateOf(under.real, claim.taskId)).toEqual([expected]);
  });

  it('create artifacts of the run', async () => {
    await using under = await start();
    await under.real.create();
    const claim = await claimOne(under.queue);
    const answer = await under.queue.forRun(claim).createArtifact('public/x.txt', {
      storageType: 's3',
      contentType: 'text/plain',
      expires: claim.task.deadline,
    });
    expect(answer).toMatchObject({ storageType: 's3', putUrl: expect.any(String) as string });
  });

  it('fail with a conflict if the run is over', async () => {
    await using under = await start();
    await under.real.create();
    const claim = await claimOne(under.queue);
    const calls = under.queue.forRun(claim);
    await under.real.root.cancelTask(claim.taskId);
    for (const call of [
      () => calls.reclaim(),
      () => calls.reportCompleted(),
      () => calls.reportFailed(),
      () => calls.reportException('internal-error'),
    ]) {
      const error: unknown = await call().catch((failure: unknown) => failure);
      expect(error).toBeInstanceOf(ServiceError);
      expect(error).toMatchObject({ kind: 'conflict', statusCode: 409, transient: false });
    }
  });

  it('renew its claim, with a later expiry and new credentials for later calls', async () => {
    await using under = await start();
    await under.real.create();
    const claim = await claimOne(under.queue);
    const calls = under.queue.forRun(claim);
    expect(calls.credentials).toBe(claim.lease.credentials);
    // Two leases of the same millisecond would be one and the same.
    await new Promise(resolve => setTimeout(resolve, 5));
    const lease = await calls.reclaim();
    expect(lease.takenUntilMs).toBeGreaterThan(claim.lease.takenUntilMs);
    expect(calls.credentials).toBe(lease.credentials);
    await calls.reportCompleted();
    expect(await stateOf(under.real, claim.taskId)).toEqual(['completed']);
  });

  it('keep their credentials if a renewal fails', async () => {
    const { queue, claim } = await claimed(refusal(500, 'InternalServerError', 'not now'), json(200, {}));
    const calls = queue.forRun(claim);
    await expect(calls.reclaim()).rejects.toMatchObject({ kind: 'unavailable' });
    expect(calls.credentials).toBe(claim.lease.credentials);
  });

  it('replace their credentials atomically', async () => {
    const renewed = {
      takenUntil: '2026-11-20T23:00:00.5+00:00',
      credentials: { clientId: 'second', accessToken: 'token-2', certificate: '{"number": 2}' },
    };
    const { queue, claim, requests } = await claimed(json(200, {}), json(200, renewed), json(200, {}));
    const calls = queue.forRun(claim);
    await calls.createArtifact('public/x', {
      storageType: 'error',
      reason: 'x',
      message: '',
      expires: '',
    } as never);
    await calls.reclaim();
    await calls.createArtifact('public/y', {
      storageType: 'error',
      reason: 'x',
      message: '',
      expires: '',
    } as never);
    await calls.reportFailed();
    const first = { clientId: 'first', certificate: { number: 1 } };
    const second = { clientId: 'second', certificate: { number: 2 } };
    expect(requests).toMatchObject([first, first, second, second]);
  });

  it('use the new credentials even for a retry of an earlier call', async () => {
    const renewed = {
      takenUntil: '2026-11-20T23:00:00.5+00:00',
      credentials: { clientId: 'second', accessToken: 'token-2', certificate: '{"number": 2}' },
    };
    const { queue, claim, requests } = await claimed(
      refusal(500, 'InternalServerError', 'not now'),
      json(200, renewed),
      json(200, {}),
    );
    const calls = queue.forRun(claim);
    // The longest pause that there is, so that the reclaim comes before the second try.
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.999);
    const reported = calls.reportCompleted();
    await expect.poll(() => requests.length).toBe(1);
    await calls.reclaim();
    await reported;
    random.mockRestore();
    expect(requests.map(({ clientId }) => clientId)).toEqual(['first', 'first', 'second']);
  });

  it('use the credentials of the newest renewal, even if its claim expires earlier', async () => {
    const renewed = (clientId: string, takenUntil: string) => ({
      takenUntil,
      credentials: { clientId, accessToken: 'token', certificate: '{"number": 2}' },
    });
    const { queue, claim } = await claimed(
      json(200, renewed('second', '2026-11-20T23:00:00.5+00:00')),
      json(200, renewed('third', '2026-11-20T22:50:00.5+00:00')),
    );
    const calls = queue.forRun(claim);
    await calls.reclaim();
    await calls.reclaim();
    expect(calls.credentials.clientId).toBe('third');
  });

  it('belong to one run, and other runs keep their own credentials', async () => {
    const renewed = {
      takenUntil: '2026-11-20T23:00:00.5+00:00',
      credentials: { clientId: 'second', accessToken: 'token-2', certificate: '{"number": 2}' },
    };
    const { queue, claim, requests } = await claimed(json(200, renewed), json(200, {}));
    const other = queue.forRun({ ...claim, runId: 1 });
    await queue.forRun(claim).reclaim();
    await other.reportFailed();
    expect(requests).toMatchObject([{ clientId: 'first' }, { clientId: 'first' }]);
  });
});

/** A run that is claimed, and a server that gives these answers to the calls about it. */
async function claimed(...answers: Parameters<typeof webServer>) {
  const server = await webServer(...answers);
  const queue = connectQueue({
    rootUrl: server.rootUrl,
    credentials: { clientId: 'worker', accessToken: new Secret('token-0') },
    taskQueueId: TASK_QUEUE_ID,
    ...WORKER,
  });
  const claim = {
    taskId: 'Wq3cJ8DbQ0eHkZ5uYt1mPA',
    runId: 0,
    lease: {
      takenUntilMs: 0,
      credentials: {
        clientId: 'first',
        accessToken: new Secret('token-1'),
        certificate: new Secret('{"number": 1}'),
      },
    },
  } as Claim;
  return { queue, claim, requests: server.requests };
}
