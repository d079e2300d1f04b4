import hawk from 'hawk';
import { describe, expect, it } from 'vitest';
import { refusalOf, startQueue, TASK_QUEUE_ID, WORKER, type Credentials } from '../local/queue-under-test.ts';
import { temporary } from '../local/temporary.ts';
import { rawRequest } from './raw-request.ts';

const KILOBYTE = 1024;
const MEGABYTE = 1024 * KILOBYTE;
const TASK_ID = 'A1cdEfghSTe_CDEFGHIJKg';
const JSON_TYPE = { 'content-type': 'application/json' };
const CLAIM = `/api/queue/v1/claim-work/${encodeURIComponent(TASK_QUEUE_ID)}`;
const CREATE = `/api/queue/v1/task/${TASK_ID}`;

/** Lists in lists, so many times, as deep as that. */
const nested = (times: number, depth: number) =>
  `[${Array.from({ length: times }, () => '['.repeat(depth) + ']'.repeat(depth)).join()}]`;

/** Answers that would be far larger than the requests, or take far longer than they do to come. */
const BODIES: readonly [string, string][] = [
  ['lists in lists', `{"payload": ${nested(200, 1_000)}}`],
  ['a deeply nested list', `{"payload": ${nested(1, 200_000)}}`],
  [
    'many surplus properties',
    JSON.stringify(Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [`surplus${i}`, i]))),
  ],
  ['one property with a long name', JSON.stringify({ ['x'.repeat(400 * KILOBYTE)]: 1 })],
  ['many wrong scopes', JSON.stringify({ scopes: Array.from({ length: 50_000 }, (_, i) => i) })],
  ['many routes that are too long', JSON.stringify({ routes: Array(300).fill('r'.repeat(1_000)) })],
  [
    'many bad dependencies',
    JSON.stringify({ dependencies: Array.from({ length: 30_000 }, (_, i) => `no id ${i}`) }),
  ],
  ['long text that is not JSON', `{"a": "${'x'.repeat(400 * KILOBYTE)}`],
  ['numbers', `{"payload": {"a": [${'1,'.repeat(200_000)}1]}}`],
];

function signed(rootUrl: string, path: string, method: string, { clientId, accessToken }: Credentials) {
  const uri = new URL(rootUrl);
  const credentials = { id: clientId, key: accessToken, algorithm: 'sha256' as const };
  const { protocol, hostname, port } = uri;
  return hawk.client.header({ protocol, hostname, port, pathname: path }, method, {
    credentials,
    ext: undefined,
  }).header;
}

describe('a caller without credentials', () => {
  it.each(BODIES)('gets only a small answer, whatever it sends: %s', async (_, body) => {
    await using queue = await startQueue();
    for (const [path, method] of [
      [CLAIM, 'POST'],
      [CREATE, 'PUT'],
      ['/api/auth/v1/scopes/expand', 'POST'],
    ] as const) {
      const answer = await rawRequest(queue.rootUrl, path, { method, headers: JSON_TYPE, body });
      expect([400, 403]).toContain(answer.status);
      expect(answer.text.length).toBeLessThan(10 * KILOBYTE);
    }
  });

  it.each(BODIES)('is refused before its body is parsed: %s', async (_, body) => {
    await using queue = await startQueue();
    const answer = await rawRequest(queue.rootUrl, CREATE, { method: 'PUT', headers: JSON_TYPE, body });
    expect([answer.status, (JSON.parse(answer.text) as { code: string }).code]).toEqual([
      403,
      'InsufficientScopes',
    ]);
  });

  it('is refused even if its body is small and does not match the schema', async () => {
    await using queue = await startQueue();
    const answer = await rawRequest(queue.rootUrl, CREATE, {
      method: 'PUT',
      headers: JSON_TYPE,
      body: '{"a": 1}',
    });
    expect(answer.status).toBe(403);
  });

  it('is answered before a body that never arrives', async () => {
    await using queue = await startQueue();
    // Only the head: the ten megabytes that it speaks of are never sent.
    for (const path of [CREATE, `/api/queue/v1/task/${TASK_ID}/cancel`]) {
      const headers = { ...JSON_TYPE, 'content-length': String(10 * MEGABYTE), authorization: 'Hawk id="x"' };
      const answer = await rawRequest(queue.rootUrl, path, {
        method: path === CREATE ? 'PUT' : 'POST',
        headers,
        body: '{',
      });
      expect([answer.status, answer.headers.connection]).toEqual([401, 'close']);
    }
  });
});

describe('a caller with a bad signature', () => {
  it('is refused before its body is parsed', async () => {
    await using queue = await startQueue();
    const headers = { ...JSON_TYPE, authorization: 'Hawk id="test/root", ts="1", nonce="n", mac="m"' };
    for (const body of ['{', nested(100, 100), '{"a": 1}']) {
      const answer = await rawRequest(queue.rootUrl, CLAIM, { method: 'POST', headers, body });
      expect(answer.status).toBe(401);
      expect(answer.text.length).toBeLessThan(KILOBYTE);
    }
  });
});

describe('an authorized caller', () => {
  it.each(BODIES)('gets only a small answer, too: %s', async (_, body) => {
    await using queue = await startQueue();
    for (const [path, method] of [
      [CLAIM, 'POST'],
      [CREATE, 'PUT'],
    ] as const) {
      const authorization = signed(queue.rootUrl, path, method, queue.credentials.root);
      const answer = await rawRequest(queue.rootUrl, path, {
        method,
        headers: { ...JSON_TYPE, authorization },
        body,
      });
      expect(answer.status).toBe(400);
      expect(answer.text.length).toBeLessThan(20 * KILOBYTE);
    }
  });

  it('still sees every problem of a small body, and the body', async () => {
    await using queue = await startQueue();
    const error: unknown = await queue.root
      .createTask(TASK_ID, { a: 1, b: 2 })
      .catch((refusal: unknown) => refusal);
    const { body } = error as { body: { message: string; requestInfo: { payload: unknown } } };
    expect(body.message).toContain('"a"');
    expect(body.message).toContain('"b"');
    expect(body.requestInfo.payload).toMatchObject({ a: 1, b: 2 });
  });

  it.each([500, 100_000])(
    'cannot create a task whose payload is %d levels deep, which nobody could read',
    async depth => {
      await using queue = await startQueue();
      const definition = { ...queue.define(), payload: 'DEEP' };
      const body = JSON.stringify(definition).replace('"DEEP"', `{"a": ${nested(1, depth)}}`);
      const authorization = signed(queue.rootUrl, CREATE, 'PUT', queue.credentials.root);
      const answer = await rawRequest(queue.rootUrl, CREATE, {
        method: 'PUT',
        headers: { ...JSON_TYPE, authorization },
        body,
      });
      expect([answer.status, (JSON.parse(answer.text) as { code: string }).code]).toEqual([
        400,
        'MalformedPayload',
      ]);
    },
  );

  it('gets large values without indentation', async () => {
    await using queue = await startQueue();
    const payload = { a: JSON.parse(nested(2_000, 300)) as unknown };
    const taskId = await queue.create({ payload });
    const path = `/api/queue/v1/task/${taskId}`;
    const authorization = signed(queue.rootUrl, path, 'GET', queue.credentials.root);
    const { text } = await rawRequest(queue.rootUrl, path, { headers: { authorization } });
    expect((JSON.parse(text) as { payload: unknown }).payload).toEqual(payload);
    expect(text.length).toBeLessThan(2 * JSON.stringify(payload).length);
    const { tasks } = await queue.worker.claimWork(TASK_QUEUE_ID, { ...WORKER, tasks: 1 });
    expect(tasks).toHaveLength(1);
  });

  it('is refused a body of more than 10 MiB', async () => {
    await using queue = await startQueue();
    const refusal = await refusalOf(queue.root.createTask(TASK_ID, { payload: 'x'.repeat(10 * MEGABYTE) }));
    expect(refusal).toMatchObject({ status: 413, code: 'InputTooLarge' });
  });

  it('is told some of its missing dependencies and scopes, not ten thousand', async () => {
    await using queue = await startQueue();
    const dependencies = Array.from(
      { length: 10_000 },
      (_, i) => `${Buffer.alloc(6, i.toString()).toString('base64url')}STe_CDEFGHIJKg`,
    );
    const unique = [...new Set(dependencies)];
    const missing = await refusalOf(queue.root.createTask(TASK_ID, queue.define({ dependencies: unique })));
    expect(missing.text.length).toBeLessThan(10 * KILOBYTE);
    const scopes = Array.from({ length: 20_000 }, (_, i) => `a:scope:of:mine:${i}`);
    const forbidden = await refusalOf(queue.worker.createTask(TASK_ID, queue.define({ scopes })));
    expect(forbidden).toMatchObject({ status: 403 });
    expect(forbidden.text.length).toBeLessThan(10 * KILOBYTE);
  });

  it('gets the expansion of many scopes without quadratic time', async () => {
    await using queue = await startQueue({ roles: { 'r*': ['s:<..>'] } });
    const auth = queue.connectTo('auth');
    const scopes = Array.from({ length: 100_000 }, (_, i) => `p${String(i).padStart(6, '0')}:*`);
    const { scopes: expanded } = await auth.expandScopes({ scopes: [...scopes, 'p0000*', 'assume:r1'] });
    expect(expanded).toHaveLength(100_000 - 100 + 3);
  });

  it('with roles that expand without end is refused', async () => {
    for (const roles of [
      { 'x*': ['assume:x<..>y'] },
      { 'x*': ['assume:x<..><..>', 'assume:xa<..>'] },
      { 'y*': ['assume:z<..>1', 'assume:z<..>2'], 'z*': ['assume:y<..>1', 'assume:y<..>2'] },
    ] as Record<string, string[]>[]) {
      await using queue = await startQueue({ roles });
      const [role = ''] = Object.keys(roles);
      const scopes = [`assume:${role.slice(0, -1)}1`];
      const refusal = await refusalOf(queue.connectTo('auth').expandScopes({ scopes }));
      expect(refusal.text).toContain('The roles of these scopes stand for too much');
    }
  });
});

describe('a certificate', () => {
  it.each<[string, object]>([
    ['of another version', { version: 2 }],
    ['that lists no scopes', { scopes: 'queue:*' }],
    ['whose scopes are objects', { scopes: [{ toString: 1 }] }],
    ['that ends before it starts', { start: Date.now() + 60_000, expiry: Date.now() - 600_000 }],
    ['that starts at no time', { start: null }],
    ['that never ends', { expiry: 8.64e15 }],
    ['that is its own issuer', { issuer: 'test/t' }],
    ['of an issuer that is not known', { issuer: '__proto__' }],
    ['of an issuer that is a list', { issuer: ['test/root'] }],
    ['with a seed of no length', { seed: '' }],
    ['with a signature that is a number', { signature: 1 }],
    ['with a signature of another length', { signature: 'short' }],
  ])('%s is refused as a wrong signature, not as an error of the queue', async (_, change) => {
    const errors: unknown[] = [];
    await using queue = await startQueue({ onError: error => errors.push(error) });
    const good = temporary(queue, { clientId: 'test/t', scopes: ['queue:status:*'] });
    const certificate = JSON.stringify({ ...(JSON.parse(good.certificate ?? '') as object), ...change });
    const refusal = await refusalOf(queue.connect({ ...good, certificate }).status(TASK_ID));
    expect(refusal).toMatchObject({ status: 401, code: 'AuthenticationFailed' });
    expect(errors).toEqual([]);
  });

  it('as large as a header may be leads to a quick refusal', async () => {
    await using queue = await startQueue();
    const good = temporary(queue, { clientId: 'test/t', scopes: Array.from({ length: 1_000 }, () => 'a*') });
    expect((await refusalOf(queue.connect(good).status(TASK_ID))).status).toBe(401);
    const deep = { ...good, certificate: `{"version": ${'['.repeat(3_000)}${']'.repeat(3_000)}}` };
    expect((await refusalOf(queue.connect(deep).status(TASK_ID))).status).toBe(401);
  });
});
