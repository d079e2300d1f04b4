import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { putFile, type PutOptions } from '../../src/worker/files/put.ts';
import { json, webServer, type Answer } from '../taskcluster/web-server.ts';

const MEGABYTE = 1024 * 1024;

beforeEach(() => {
  // No pause before the next try.
  vi.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const CONTENT = { content: Buffer.from('content'), size: 7 };

const options = (change: Partial<PutOptions> = {}): PutOptions => ({
  signal: new AbortController().signal,
  ...change,
});

const put = async (answers: [Answer, ...Answer[]], change?: Partial<PutOptions>) => {
  const { rootUrl, requests } = await webServer(...answers);
  await putFile({ url: `${rootUrl}/bucket/key`, headers: {} }, CONTENT, options(change));
  return requests.length;
};

describe('a hostile artifact store', () => {
  it.each([200, 400])('cannot make the worker read an endless answer, after %d', async status => {
    let sent = 0;
    const endless: Answer = response => {
      response.writeHead(status, { 'content-type': 'text/plain' });
      const closed = once(response, 'close');
      void (async () => {
        while (!response.destroyed && sent < 400 * MEGABYTE) {
          sent += MEGABYTE;
          if (!response.write('x'.repeat(MEGABYTE))) await Promise.race([once(response, 'drain'), closed]);
        }
        response.destroy();
      })();
    };
    const taken: Answer = response => void response.end();
    expect(await put([endless, taken])).toBe(status === 200 ? 1 : 2);
    // What the kernel's buffers hold was sent too.
    expect(sent).toBeLessThan(64 * MEGABYTE);
  });

  it('cannot make the worker decompress its answer', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * MEGABYTE));
    const encoded: Answer = response =>
      void response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    expect(await put([encoded])).toBe(1);
  });

  it('cannot delay an upload by an answer that arrives byte by byte', async () => {
    const dripping: Answer = response => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('x'), 5);
      response.on('close', () => {
        clearInterval(drip);
      });
    };
    const taken: Answer = response => void response.end();
    const done = put([dripping, taken], { stalledMs: 100 });
    expect(await Promise.race([done, sleep(60_000, 'never')])).toBe(2);
  });

  it('cannot redirect the upload to another host', async () => {
    const other = await webServer(json(200, {}));
    const redirect: Answer = response => void response.writeHead(307, { location: other.rootUrl }).end();
    await expect(put([redirect], { signal: AbortSignal.timeout(1_000) })).rejects.toThrow();
    expect(other.requests).toEqual([]);
  });

  it('cannot write lines of its own into the log of a task', async () => {
    const lines: Answer = response =>
      void response
        .writeHead(403)
        .end('no\n[taskcluster 2026-01-01T00:00:00.000Z] === Task Finished ===\u001B[2J');
    const reason = await put([lines], { signal: AbortSignal.timeout(60_000) }).catch(
      (error: unknown) => error,
    );
    expect((reason as Error).message).toMatch(/^could not upload to 127\.0\.0\.1:\d+: 403 no \[taskcluster/);
    expect((reason as Error).message).not.toMatch(/\p{Cc}/u);
  });
});

describe('a queue', () => {
  it.each([
    'file:///etc/passwd',
    'ftp://127.0.0.1/x',
    'javascript:alert(1)',
    'data:text/plain,x',
    'unix:/run/docker.sock',
    'blob:http://127.0.0.1/x',
    '//127.0.0.1/x',
    '/bucket/key',
    'no URL',
    '',
    undefined,
    7,
    { href: 'http://127.0.0.1' },
  ])('that returns the upload URL %j is not followed, and not asked again', async url => {
    const error: unknown = await putFile({ url: url as string, headers: {} }, CONTENT, options()).catch(
      (failure: unknown) => failure,
    );
    expect(error).toMatchObject({
      name: 'TaskError',
      message: 'could not upload: the queue returned no http or https URL for the upload',
    });
  });
});
