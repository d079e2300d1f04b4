import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/base/index.ts';
import type { Credentials } from '../../../src/taskcluster/index.ts';
import { checkedClient } from '../../local/checked-client.ts';
import { refusalOf, startQueue, type QueueUnderTest } from '../../local/queue-under-test.ts';
import { TEST_MS } from '../../patience.ts';
import { call, proxyTo } from './run-proxy.ts';

interface Given {
  readonly clientId: string;
  readonly accessToken: string;
  readonly certificate: string;
}

const wrapped = ({ clientId, accessToken, certificate }: Given): Credentials => ({
  clientId,
  accessToken: new Secret(accessToken),
  certificate: new Secret(certificate),
});

/** A claimed run with a proxy that signs as the run. */
async function runBehindProxy(queue: QueueUnderTest, scopes: string[]) {
  await queue.create({ scopes });
  const { claim, run } = await queue.claim();
  const { taskId } = claim.status;
  let credentials = wrapped(claim.credentials);
  const proxy = await proxyTo(queue.rootUrl, {
    credentials: () => credentials,
    authorizedScopes: [...scopes, `queue:create-artifact:${taskId}/0`],
  });
  return {
    taskId,
    proxy,
    url: proxy.url,
    run,
    // Like a task, whose root URL is the proxy and which has no credentials.
    queue: checkedClient('queue', proxy.url, {}, new Set()),
    secrets: checkedClient('secrets', proxy.url, {}, new Set()),
    use: (given: Given) => {
      credentials = wrapped(given);
    },
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}

const REFERENCE = { storageType: 'reference', url: 'https://example.com/', contentType: 'text/html' };
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

describe.concurrent('a task that calls services through its proxy', { timeout: TEST_MS }, () => {
  it('may use its own scopes, and create artifacts of its own run', async () => {
    await using queue = await startQueue();
    await queue.connectTo('secrets').set('project/mine', { secret: { a: 1 }, expires: inAnHour() });
    await queue.connectTo('secrets').set('project/other', { secret: { a: 2 }, expires: inAnHour() });
    await using task = await runBehindProxy(queue, ['secrets:get:project/mine']);
    expect(await task.secrets.get('project/mine')).toMatchObject({ secret: { a: 1 } });
    expect(await refusalOf(task.secrets.get('project/other'))).toMatchObject({ status: 403 });
    const expires = inAnHour();
    await task.queue.createArtifact(task.taskId, '0', 'public/a b/%2F', { ...REFERENCE, expires });
    const { artifacts } = await queue.root.listArtifacts(task.taskId, '0');
    expect(artifacts.map(({ name }) => name)).toEqual(['public/a b/%2F']);
  });

  it('may not report or reclaim its run, although the credentials of the claim allow that', async () => {
    await using queue = await startQueue();
    await using task = await runBehindProxy(queue, []);
    for (const call of ['reportCompleted', 'reportFailed', 'reclaimTask'] as const) {
      expect(await refusalOf(task.queue[call](task.taskId, '0'))).toMatchObject({
        status: 403,
        code: 'InsufficientScopes',
      });
    }
    await task.run.reportCompleted(task.taskId, '0');
  });

  it('may use the legacy paths', async () => {
    await using queue = await startQueue();
    await using task = await runBehindProxy(queue, ['queue:status:*']);
    const path = `v1/task/${task.taskId}/status`;
    for (const service of ['api/queue', 'queue', 'queue.taskcluster.net']) {
      const { status, text, headers } = await call(task.url, `/${service}/${path}`);
      expect(status).toBe(200);
      expect(JSON.parse(text)).toMatchObject({ status: { taskId: task.taskId } });
      expect(headers).toMatchObject({ 'x-taskcluster-endpoint': `${queue.rootUrl}/api/queue/${path}` });
      // The queue allows all web pages to read this answer. The proxy does not.
      expect(headers).not.toHaveProperty('access-control-allow-origin');
    }
  });

  it('uses the credentials of the last reclaim from then on', async () => {
    await using queue = await startQueue();
    await using task = await runBehindProxy(queue, ['queue:status:*']);
    const { credentials } = await task.run.reclaimTask(task.taskId, '0');
    task.use({ ...credentials, clientId: 'task-client/unknown' });
    expect(await refusalOf(task.queue.status(task.taskId))).toMatchObject({ status: 401 });
    task.use(credentials);
    expect((await task.queue.status(task.taskId)).status.taskId).toBe(task.taskId);
  });

  it('gets an error message if its credentials cannot be used', async () => {
    await using queue = await startQueue();
    await using task = await runBehindProxy(queue, []);
    task.use({ clientId: 'c', accessToken: 'the-token', certificate: 'no JSON' });
    const { status, text } = await call(task.url, '/api/queue/v1/ping');
    expect(status).toBe(500);
    expect(JSON.parse(text)).toEqual({
      code: 'ProxyError',
      message: 'the certificate of the credentials is not JSON',
    });
    expect(text).not.toContain('the-token');
  });

  it('gets no oversized headers if it has many scopes', async () => {
    await using queue = await startQueue();
    const scopes = Array.from({ length: 300 }, (_, i) => `project:test:a-scope-with-a-name:${i}`);
    await using task = await runBehindProxy(queue, [...scopes.slice(0, 10), 'queue:status:*']);
    expect((await call(task.url, '/api/queue/v1/ping')).headers).toHaveProperty(
      'x-taskcluster-authorized-scopes',
    );
    await using other = await proxyTo(queue.rootUrl, {
      credentials: () => wrapped({ ...queue.credentials.root, certificate: '{}' }),
      authorizedScopes: scopes,
    });
    const { headers } = await call(other.url, '/api/queue/v1/ping');
    expect(headers).not.toHaveProperty('x-taskcluster-authorized-scopes');
    expect(headers).toHaveProperty('x-taskcluster-proxy-version');
  });
});

describe.concurrent('/bewit', { timeout: TEST_MS }, () => {
  const bewit = (url: string, body: string) => call(url, '/bewit', { method: 'POST', body });

  it('signs a URL of the deployment, which then needs no credentials and has only the scopes of the task', async () => {
    await using queue = await startQueue();
    const secret = `${queue.rootUrl}/api/secrets/v1/secret/project%2Fit's%20[mine]`;
    await using root = await proxyTo(queue.rootUrl, {
      credentials: () => ({
        clientId: queue.credentials.root.clientId,
        accessToken: new Secret(queue.credentials.root.accessToken),
      }),
      authorizedScopes: ['*'],
    });
    const body = JSON.stringify({ secret: { a: 1 }, expires: inAnHour() });
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const stored = await call(root.url, secret.slice(queue.rootUrl.length), { method: 'PUT', body, headers });
    expect(stored.status).toBe(200);
    await using task = await runBehindProxy(queue, ["secrets:get:project/it's [mine]"]);
    for (const url of [secret, `${secret}?a=%2F&b='c'`]) {
      const { status, headers, text } = await bewit(task.url, ` ${url}\n`);
      expect(status).toBe(303);
      const { location = '' } = headers;
      expect(text).toBe(location);
      expect(location).toContain(`${new URL(url).href}${url.includes('?') ? '&' : '?'}bewit=`);
      const answer = await fetch(location);
      // The secrets service accepts no parameters, and reports this only to clients that may read the secret.
      const isPlain = url === secret;
      expect(await answer.json()).toMatchObject(
        isPlain ? { secret: { a: 1 } } : { code: 'InvalidRequestArguments' },
      );
      expect((await fetch(url)).status).toBe(403);
    }
    const other = await bewit(task.url, `${queue.rootUrl}/api/queue/v1/task/${task.taskId}/runs/0/claim`);
    expect((await fetch(other.headers.location ?? '')).status).not.toBe(200);
  });

  it.for([
    'https://evil.example/api/queue/v1/ping',
    'no URL',
    '',
    '/api/queue/v1/ping',
    'file:///etc/passwd',
    'ROOT@evil.example/x',
    'http://user@HOST/api/queue/v1/ping',
  ])('refuses %s', async text => {
    await using queue = await startQueue();
    await using task = await runBehindProxy(queue, []);
    const { host } = new URL(queue.rootUrl);
    const body = text.replace('ROOT', queue.rootUrl).replace('HOST', host);
    const answer = await bewit(task.url, body);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toEqual({
      code: 'InvalidUrl',
      message: `the body of a request to /bewit must be a URL that begins with ${queue.rootUrl}/`,
    });
  });

  it('reads at most the length of a URL', async () => {
    await using queue = await startQueue();
    await using task = await runBehindProxy(queue, []);
    expect(await bewit(task.url, 'x'.repeat(20_000))).toMatchObject({ status: 413 });
    expect(await bewit(task.url, `${queue.rootUrl}/${'x'.repeat(15_000)}`)).toMatchObject({ status: 303 });
  });
});
