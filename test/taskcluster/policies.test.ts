import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { CALL_POLICIES, queueCalls, type QueueCall, type ServiceError } from '../../src/taskcluster/index.ts';
import { CALLS, failing, hasty } from './every-call.ts';
import { halved, hangUp, json, page, refusal, silence, webServer, type Answer } from './web-server.ts';

const NAMES = Object.keys(CALLS) as QueueCall[];
/** As `reportCompleted`: one that is tried often. */
const PATIENT_TRIES = CALL_POLICIES.reportCompleted.retries + 1;

describe('the policies', () => {
  it('never retry claimWork, and leave retries of reclaimTask to its caller', () => {
    expect(CALL_POLICIES.claimWork.retries).toBe(0);
    expect(CALL_POLICIES.reclaimTask.retries).toBe(0);
  });

  it('give claimWork more time than its long poll of 20 s', () => {
    expect(CALL_POLICIES.claimWork.timeoutMs).toBeGreaterThanOrEqual(40_000);
  });
});

describe.each(NAMES)('%s', name => {
  const tries = CALL_POLICIES[name].retries + 1;

  it(`is attempted ${tries} times while the queue is unavailable`, async () => {
    const failure = await failing(name, [refusal(503, 'InternalServerError', 'out of order')]);
    expect(failure.error).toMatchObject({ kind: 'unavailable', statusCode: 503 });
    expect(failure.error.message).toBe(`${name}: out of order (503)`);
    expect(failure.tries).toBe(tries);
  });

  it(`is attempted ${tries} times while the queue is unreachable`, async () => {
    const failure = await failing(name, [hangUp]);
    expect(failure.error).toMatchObject({ kind: 'unreachable', statusCode: undefined });
    expect(failure.tries).toBe(tries);
  });

  it('is attempted once if it is refused', async () => {
    const failure = await failing(name, [refusal(409, 'RequestConflict', 'the run is over')]);
    expect(failure.error).toMatchObject({ kind: 'conflict', statusCode: 409 });
    expect(failure.tries).toBe(1);
  });
});

describe('a call with many retries', () => {
  it.each(NAMES.filter(name => CALL_POLICIES[name].retries >= 2))(
    'succeeds if the queue is back in time: %s',
    async name => {
      const broken = refusal(500, 'InternalServerError', 'Internal Server Error');
      const { rootUrl, requests } = await webServer(broken, broken, json(200, { it: 'works' }));
      expect(await CALLS[name](queueCalls({ rootUrl, policies: hasty() }))).toEqual({ it: 'works' });
      expect(requests).toHaveLength(3);
    },
  );
});

describe('an answer', () => {
  it.each<[number, string, ServiceError['kind'], number]>([
    [400, 'InputError', 'refused', 1],
    [401, 'AuthenticationFailed', 'forbidden', 1],
    [403, 'InsufficientScopes', 'forbidden', 1],
    [404, 'ResourceNotFound', 'refused', 1],
    [409, 'RequestConflict', 'conflict', 1],
    [413, 'InputTooLarge', 'refused', 1],
    [429, 'TooManyRequests', 'unavailable', PATIENT_TRIES],
    [500, 'InternalServerError', 'unavailable', PATIENT_TRIES],
    [502, 'BadGateway', 'unavailable', PATIENT_TRIES],
    [504, 'GatewayTimeout', 'unavailable', PATIENT_TRIES],
  ])('of %d (%s) means %s, after %d attempts', async (statusCode, code, kind, expected) => {
    const { error, tries } = await failing('reportCompleted', [refusal(statusCode, code, 'It is so.')]);
    expect(error).toMatchObject({ name: 'ServiceError', kind, statusCode, transient: expected > 1 });
    expect(error.message).toBe(`reportCompleted: It is so. (${statusCode})`);
    expect(tries).toBe(expected);
  });

  it('that is an error page of a proxy leads to an error without the page', async () => {
    const { error } = await failing('status', [page(502, '<html><h1>Bad gateway</h1></html>')]);
    expect(error).toMatchObject({ kind: 'unavailable', statusCode: 502 });
    expect(error.message).not.toContain('<');
  });

  it.each([401, 403, 404, 409])(
    'of %d that is a page of a proxy does not count as an answer of the queue',
    async status => {
      const { error, tries } = await failing('createArtifact', [page(status, '<html>no</html>')]);
      expect(error).toMatchObject({ kind: 'unavailable', statusCode: status });
      expect(tries).toBe(CALL_POLICIES.createArtifact.retries + 1);
    },
  );

  // A report that a proxy swallowed must not count as made.
  it.each<[string, Answer]>([
    ['a page of a proxy', page(200, '<html>Please log in</html>')],
    ['an empty body', page(200, '', 'application/json')],
    ['nothing at all', page(204, '')],
    ['truncated JSON', page(200, '{"status": {', 'application/json')],
  ])('of 200 that is %s does not count, and the call is retried', async (_, answer) => {
    const { error, tries } = await failing('reportCompleted', [answer]);
    expect(error.kind).toBe('unavailable');
    expect(error.message).toMatch(/^reportCompleted: /);
    expect(tries).toBe(PATIENT_TRIES);
  });

  it.each<[string, Answer]>([
    ['success', halved(200)],
    ['an error', halved(503)],
    ['a refusal', halved(409)],
  ])('of %s that breaks off does not count, and the call is retried', async (_, answer) => {
    const { error, tries } = await failing('reportCompleted', [answer]);
    expect(error.kind).toBe('unreachable');
    expect(error.message).toBe('reportCompleted: the answer broke off');
    expect(tries).toBe(PATIENT_TRIES);
  });

  it('that is a redirect is not followed, because the credentials are only for this queue', async () => {
    const other = await webServer(json(200, {}));
    const redirect: Answer = response => {
      response.writeHead(302, { location: `${other.rootUrl}/elsewhere` }).end();
    };
    const { error } = await failing('reportCompleted', [redirect]);
    expect(error.kind).toBe('unavailable');
    expect(other.requests).toEqual([]);
  });

  it('that takes longer than the policy allows is a failure', async () => {
    const { error, tries } = await failing('status', [silence], { timeoutMs: 50 });
    expect(error.kind).toBe('unreachable');
    expect(error.message).toMatch(/status: .*50ms/);
    expect(tries).toBe(CALL_POLICIES.status.retries + 1);
  });

  it('may take longer than an idle connection is kept open', async () => {
    const { rootUrl, requests } = await webServer(response => {
      void sleep(5_000).then(() => {
        json(200, { tasks: [] })(response, response.req);
      });
    });
    expect(await CALLS.claimWork(queueCalls({ rootUrl }))).toEqual({ tasks: [] });
    expect(requests).toHaveLength(1);
  });
});
