import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { refusalOf, startQueue, type QueueUnderTest } from '../local/queue-under-test.ts';
import { rawBytes, rawRequest } from './raw-request.ts';

const PING = '/api/queue/v1/ping';

describe('a web page whose host name resolves to this machine', () => {
  it.each([
    'evil.example',
    'evil.example:80',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'evil.example#127.0.0.1',
    'evil@127.0.0.1',
    '127.0.0.1@evil.example',
    '127.0.0.1:80@evil.example',
    '0.0.0.0',
    '127.0.0.2',
    '[::]',
    '2130706433',
    'localhost.',
    ' ',
  ])('is refused: Host %j', async host => {
    await using queue = await startQueue({ anonymousScopes: ['*'] });
    const taskId = await queue.create();
    for (const path of [PING, `/api/queue/v1/task/${taskId}`, '/public-bucket/x', '/nothing', '/']) {
      const answer = await rawRequest(queue.rootUrl, path, { headers: { host } });
      expect([answer.status, JSON.parse(answer.text)]).toEqual([
        421,
        { error: 'This queue is for 127.0.0.1 and localhost only' },
      ]);
    }
  });

  it('is refused without a Host header, or with two', async () => {
    await using queue = await startQueue();
    const withHeaders = (version: string, ...lines: string[]) =>
      rawBytes(
        queue.rootUrl,
        [`GET ${PING} HTTP/${version}`, ...lines, 'connection: close', '', ''].join('\r\n'),
      );
    expect(await withHeaders('1.0')).toMatch(/^HTTP\/1\.1 421 /);
    expect(await withHeaders('1.1')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await withHeaders('1.1', 'host:')).toMatch(/^HTTP\/1\.1 421 /);
    expect(await withHeaders('1.1', 'host: evil.example', 'host: 127.0.0.1')).not.toMatch(/^HTTP\/1\.1 200 /);
    expect(await withHeaders('1.1', 'host: evil.example', 'x-forwarded-host: 127.0.0.1')).toMatch(/ 421 /);
  });

  it.each(['127.0.0.1', 'localhost', 'LOCALHOST:1', '[::1]:8080', '127.0.0.1:65535'])(
    'is not assumed for the names of this machine: Host %j',
    async host => {
      await using queue = await startQueue();
      expect((await rawRequest(queue.rootUrl, PING, { headers: { host } })).status).toBe(200);
    },
  );

  it('cannot make a request that changes anything, because it cannot sign one', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    // What a page may send without asking first: a form, or text.
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const answer = await rawRequest(queue.rootUrl, `/api/queue/v1/task/${taskId}/cancel`, {
        method: 'POST',
        headers: { origin: 'https://evil.example', 'content-type': type },
        body: '{}',
      });
      expect(answer.status).toBe(403);
    }
    const preflight = await rawRequest(queue.rootUrl, `/api/queue/v1/task/${taskId}`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://evil.example',
        'access-control-request-method': 'PUT',
        'access-control-request-headers': 'authorization,content-type',
      },
    });
    expect(preflight.headers).not.toHaveProperty('access-control-allow-headers');
    expect(preflight.headers).not.toHaveProperty('access-control-allow-credentials');
    expect((await queue.root.status(taskId)).status.state).toBe('pending');
  });
});

/** A run, and an artifact of it. */
async function artifact(queue: QueueUnderTest, name: string, request: object) {
  const taskId = await queue.create();
  const { claim, run } = await queue.claim();
  const { expires } = claim.task;
  const answer = (await run.createArtifact(taskId, 0, name, { expires, ...request })) as { putUrl?: string };
  return { taskId, ...answer };
}

describe('a reference artifact without a web URL', () => {
  it.each([
    'javascript:alert(document.domain)',
    'JavaScript://example.com/%0aalert(1)',
    'data:text/html,%3Cscript%3Ealert(1)%3C/script%3E',
    'file:///etc/passwd',
    'vbscript:x',
    'blob:http://127.0.0.1/x',
    'ftp://example.com/x',
  ])('is never followed: %s', async url => {
    await using queue = await startQueue();
    const contentType = 'text/html';
    const { taskId } = await artifact(queue, 'public/x', { storageType: 'reference', url, contentType });
    const base = `/api/queue/v1/task/${taskId}`;
    for (const path of [`${base}/artifacts/public%2Fx`, `${base}/runs/0/artifacts/public%2Fx`]) {
      const answer = await rawRequest(queue.rootUrl, path);
      expect(answer.status).toBe(400);
      expect(answer.headers).not.toHaveProperty('location');
    }
    const refusal = await refusalOf(queue.anonymous.latestArtifact(taskId, 'public/x'));
    expect(refusal).toMatchObject({ status: 400, code: 'InputError' });
    // A link to it leads to the same.
    await queue.root.createArtifact(taskId, 0, 'public/link', {
      storageType: 'link',
      artifact: 'public/x',
      contentType,
      expires: queue.define().deadline,
    });
    const { status } = await rawRequest(queue.rootUrl, `${base}/runs/0/artifacts/public%2Flink`);
    expect(status).toBe(400);
  });

  it.each(['https://example.com/x?y#z', 'http://example.com/'])(
    'does not affect other artifacts: %s',
    async url => {
      await using queue = await startQueue();
      const { taskId } = await artifact(queue, 'public/x', {
        storageType: 'reference',
        url,
        contentType: 'a/b',
      });
      const answer = await rawRequest(queue.rootUrl, `/api/queue/v1/task/${taskId}/artifacts/public%2Fx`);
      expect([answer.status, answer.headers.location]).toEqual([303, url]);
    },
  );
});

describe('an artifact in a browser', () => {
  it('has its declared type, no permissions of this origin, and cannot set headers', async () => {
    await using queue = await startQueue();
    const { taskId, putUrl = '' } = await artifact(queue, 'public/x.html', {
      storageType: 's3',
      contentType: 'text/html',
    });
    const body = '<script>fetch("/api/queue/v1/ping")</script>';
    await fetch(putUrl, { method: 'PUT', headers: { 'content-type': 'text/html' }, body });
    const answer = await fetch(`${queue.rootUrl}/api/queue/v1/task/${taskId}/artifacts/public%2Fx.html`);
    expect(await answer.text()).toBe(body);
    expect(answer.headers.get('content-type')).toBe('text/html');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('content-security-policy')).toMatch(/^sandbox( allow-scripts)?$/);
    expect(answer.headers.get('cross-origin-resource-policy')).toBeNull();
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
  });

  it('is not accessible without its URL if it is private', async () => {
    await using queue = await startQueue();
    const { taskId, putUrl = '' } = await artifact(queue, 'private/x', {
      storageType: 's3',
      contentType: 'a/b',
    });
    await fetch(putUrl, { method: 'PUT', body: 'secret' });
    const path = new URL(putUrl).pathname;
    for (const query of [
      '',
      '?expires=9999999999999',
      `?expires=9999999999999&signature=${'0'.repeat(64)}`,
      new URL(putUrl).search,
    ]) {
      const answer = await rawRequest(queue.rootUrl, path + query);
      expect(answer.status).toBe(403);
      expect(answer.text).not.toContain('secret');
    }
    for (const name of [
      path.replace('private-bucket', 'public-bucket'),
      `/public-bucket/../private-bucket/${taskId}/0/private/x`,
      `/public-bucket/..%2Fprivate-bucket%2F${taskId}/0/private/x`,
    ]) {
      expect((await rawRequest(queue.rootUrl, name)).status).toBe(404);
    }
  });
});

describe('the store of the artifacts', () => {
  it.each([
    '../../../../../../tmp/owned-by-tcw-test',
    'public/..',
    '/etc/passwd',
    '%00',
    '__proto__',
    'constructor',
    'a'.repeat(5_000),
  ])('keeps a file named %j in its own folder', async name => {
    await using queue = await startQueue();
    const { putUrl = '', taskId } = await artifact(queue, name, { storageType: 's3', contentType: 'a/b' });
    const pathOf = (url: string) => url.slice(queue.rootUrl.length);
    const put = await rawRequest(queue.rootUrl, pathOf(putUrl), { method: 'PUT', body: 'content' });
    expect(put.status).toBe(200);
    const { url } = (await queue.root.artifact(taskId, '0', name)) as { url: string };
    expect((await rawRequest(queue.rootUrl, pathOf(url))).text).toBe('content');
    expect(existsSync('/tmp/owned-by-tcw-test')).toBe(false);
  });

  it('accepts no more than S3 does, and nothing of unknown length', async () => {
    await using queue = await startQueue();
    const { putUrl = '' } = await artifact(queue, 'public/x', { storageType: 's3', contentType: 'a/b' });
    const { pathname, search } = new URL(putUrl);
    const put = (...headers: string[]) =>
      rawBytes(
        queue.rootUrl,
        [
          `PUT ${pathname}${search} HTTP/1.1`,
          'host: localhost',
          'connection: close',
          ...headers,
          '',
          '',
        ].join('\r\n'),
      );
    expect(await put(`content-length: ${6 * 1024 ** 3}`)).toMatch(/^HTTP\/1\.1 400 .*<Code>EntityTooLarge</s);
    expect(await put('transfer-encoding: chunked')).toMatch(/^HTTP\/1\.1 411 /);
  });

  it('accepts nothing without a valid signature', async () => {
    await using queue = await startQueue();
    const { putUrl = '' } = await artifact(queue, 'public/x', { storageType: 's3', contentType: 'a/b' });
    const { pathname, searchParams } = new URL(putUrl);
    const expires = searchParams.get('expires') ?? '';
    const signature = searchParams.get('signature') ?? '';
    for (const query of [
      '',
      `?expires=${expires}`,
      `?signature=${signature}`,
      `?expires=${expires}&signature=`,
      `?expires=${expires}&signature=${signature.slice(2)}`,
      `?expires=${expires}&signature=${signature}00`,
      `?expires=${expires}0&signature=${signature}`,
      `?expires=${expires}&signature=${signature}&signature=${signature}`,
      `?expires=Infinity&signature=${signature}`,
      `?__proto__[expires]=${expires}&signature=${signature}`,
    ]) {
      const { status } = await rawRequest(queue.rootUrl, pathname + query, { method: 'PUT', body: 'x' });
      expect([query, status]).toEqual([query, 403]);
    }
  });
});
