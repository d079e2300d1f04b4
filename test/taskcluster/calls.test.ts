import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Secret } from '../../src/pulse/index.ts';
import { queueCalls, type ServiceError } from '../../src/taskcluster/index.ts';
import { CALLS, CREDENTIALS, hasty, TASK_ID } from './every-call.ts';
import { hangUp, json, refusal, silence, webServer, type Answer } from './web-server.ts';
import { waitFor } from '../wait-for.ts';

describe('a call', () => {
  it('reports that the queue cannot be reached', async () => {
    // Port 1 of this machine: nobody listens there.
    const call = queueCalls({ rootUrl: 'http://127.0.0.1:1', policies: hasty({ retries: 0 }) });
    await expect(CALLS.status(call)).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringMatching(/^status: .*ECONNREFUSED/) as string,
    });
  });

  it('reports each retry, and its pause, which is never longer than the backoff allows', async () => {
    const { rootUrl } = await webServer(hangUp, refusal(503, 'X', 'not now'), json(200, {}));
    const reportedRetries: [ServiceError, number][] = [];
    const policies = { reportFailed: { timeoutMs: 1_000, retries: 5, backoff: { baseMs: 10, capMs: 15 } } };
    const call = queueCalls({ rootUrl, policies, onRetry: (...retry) => reportedRetries.push(retry) });
    await CALLS.reportFailed(call);
    expect(reportedRetries.map(([error]) => error.kind)).toEqual(['unreachable', 'unavailable']);
    expect(reportedRetries[0]?.[1]).toBeLessThanOrEqual(10);
    expect(reportedRetries[1]?.[1]).toBeLessThanOrEqual(15);
  });

  it.each([
    [500, 10],
    [503, 50],
    [429, 50],
  ])('that is refused with %d pauses for up to %d ms if the backoff starts at 10', async (status, most) => {
    const { rootUrl } = await webServer(refusal(status, 'X', 'not now'), json(200, {}));
    onTestFinished(() => void vi.restoreAllMocks());
    vi.spyOn(Math, 'random').mockReturnValue(0.99);
    const waits: number[] = [];
    const policies = { reportFailed: { timeoutMs: 1_000, retries: 5, backoff: { baseMs: 10, capMs: 100 } } };
    const onRetry = (_: ServiceError, waitMs: number) => waits.push(waitMs);
    await CALLS.reportFailed(queueCalls({ rootUrl, policies, onRetry }));
    expect(waits).toEqual([0.99 * most]);
  });

  it('uses the credentials that it is made for, including the certificate of temporary credentials', async () => {
    const { rootUrl, requests } = await webServer(json(200, {}));
    const certificate = { version: 1, signature: 'signed' };
    await queueCalls({ rootUrl })(
      {
        clientId: 'task-client/x',
        accessToken: new Secret('token-of-a-task'),
        certificate: new Secret(JSON.stringify(certificate)),
      },
      'status',
      TASK_ID,
    );
    await CALLS.status(queueCalls({ rootUrl }));
    expect(requests).toMatchObject([
      { clientId: 'task-client/x', certificate },
      { clientId: 'test/worker', certificate: undefined },
    ]);
  });

  it('fails as usual if the certificate is invalid', async () => {
    const { rootUrl, requests } = await webServer(json(200, {}));
    const certificate = new Secret('no JSON of a certificate');
    const calling = queueCalls({ rootUrl })({ ...CREDENTIALS, certificate }, 'status', TASK_ID);
    await expect(calling).rejects.toMatchObject({ name: 'ServiceError', kind: 'refused' });
    expect(requests).toEqual([]);
  });

  it.each<[string, Answer]>([
    ['between two tries', refusal(503, 'X', 'not now')],
    ['while it waits for an answer', silence],
  ])('ends at once when it is aborted %s, and is not retried', async (_, answer) => {
    const { rootUrl, requests } = await webServer(answer);
    const aborting = new AbortController();
    const backoff = { baseMs: 1e9, capMs: 1e9 };
    const policies = { status: { timeoutMs: 60_000, retries: 5, backoff } };
    const calling = CALLS.status(queueCalls({ rootUrl, policies, signal: aborting.signal }));
    await waitFor(() => {
      expect(requests).toHaveLength(1);
    });
    await sleep(20);
    const reason = new Error('task canceled');
    aborting.abort(reason);
    await expect(calling).rejects.toBe(reason);
    expect(requests).toHaveLength(1);
  });

  it.each<[string, Answer]>([
    ['after a failure', refusal(503, 'X', 'not now')],
    ['after the old ones were refused', refusal(401, 'AuthenticationFailed', 'expired')],
  ])('is retried with the current credentials, %s', async (_, answer) => {
    let present = { clientId: 'old', accessToken: new Secret('old') };
    const { rootUrl, requests } = await webServer(
      (response, request) => {
        // A reclaim brings new credentials while the call is on its way.
        present = { clientId: 'new', accessToken: new Secret('new') };
        answer(response, request);
      },
      json(200, {}),
    );
    const call = queueCalls({ rootUrl, policies: hasty({ retries: 1 }) });
    await call(() => present, 'status', TASK_ID);
    expect(requests.map(({ clientId }) => clientId)).toEqual(['old', 'new']);
  });

  it('is not retried if its credentials are refused and there are no others', async () => {
    const { rootUrl, requests } = await webServer(refusal(401, 'AuthenticationFailed', 'expired'));
    const call = queueCalls({ rootUrl, policies: hasty({ retries: 1 }) });
    await expect(call(() => CREDENTIALS, 'status', TASK_ID)).rejects.toMatchObject({ kind: 'forbidden' });
    expect(requests).toHaveLength(1);
  });

  it('is not made if it was aborted before', async () => {
    const { rootUrl, requests } = await webServer(json(200, {}));
    const signal = AbortSignal.abort(new Error('task canceled'));
    await expect(CALLS.status(queueCalls({ rootUrl, signal }))).rejects.toBe(signal.reason);
    expect(requests).toEqual([]);
  });

  it('reuses an open connection', async () => {
    const server = await webServer(json(200, {}));
    const call = queueCalls({ rootUrl: server.rootUrl });
    for (let count = 0; count < 5; count++) await CALLS.status(call);
    expect(server.requests).toHaveLength(5);
    expect(server.connections).toBe(1);
  });
});
