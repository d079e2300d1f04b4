import fc from 'fast-check';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { diskRoom, type DiskRoomOptions } from '../../../src/worker/stores/downloads/disk-room.ts';
import { fetchContent, type FetchOptions } from '../../../src/worker/stores/downloads/fetch-content.ts';
import { waitFor } from '../../wait-for.ts';
import {
  answering,
  contentServer,
  cutAfter,
  endless,
  hangingUp,
  rawServer,
  serving,
  silent,
  stopsAfter,
  type Answer,
} from './content-server.ts';

const QUICK = { baseMs: 0, capMs: 0 };
/** For servers that stop sending. Everything that they have sent has arrived within this time. */
const SHORT = { backoff: QUICK, stalledMs: 1_000 };
const sha256 = (content: Buffer | string) => createHash('sha256').update(content).digest('hex');

async function newFile() {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-fetch-'));
  const file = join(folder, 'file');
  const handle = await open(file, 'wx+');
  onTestFinished(async () => {
    await handle.close();
    await rm(folder, { recursive: true, force: true });
  });
  return { file, handle, folder };
}

async function fetched(
  url: string,
  { limits, disk, ...change }: Partial<FetchOptions> & { disk?: Partial<DiskRoomOptions> } = {},
) {
  const { file, handle, folder } = await newFile();
  const retries: string[] = [];
  const written = await fetchContent(handle, {
    locate: () => Promise.resolve({ url }),
    room: diskRoom(folder, { reserveBytes: 0, ...disk }),
    signal: new AbortController().signal,
    onRetry: reason => retries.push(reason),
    limits: { backoff: QUICK, ...limits },
    ...change,
  });
  return { written, retries, content: await readFile(file) };
}

const endlessDrip: Answer = response => {
  response.writeHead(200, { etag: '"one"' });
  const timer = setInterval(() => response.write(Buffer.alloc(1024)), 20);
  response.on('close', () => {
    clearInterval(timer);
  });
};

const failure = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => {
      throw new Error('it worked');
    },
    (error: unknown) => error as Error,
  );

describe('content that is downloaded', () => {
  it('arrives unchanged, with its length and SHA-256', async () => {
    const content = randomBytes(3_000_000);
    const { url, requests } = await contentServer(serving(content));
    const { written, content: got } = await fetched(url);
    expect(written).toEqual({ bytes: content.length, sha256: sha256(content) });
    expect(got.equals(content)).toBe(true);
    expect(requests[0]?.headers).not.toHaveProperty('authorization');
  });

  it('may be empty', async () => {
    const { url } = await contentServer(serving(''));
    expect((await fetched(url)).written).toEqual({ bytes: 0, sha256: sha256('') });
  });

  it('may have no Content-Length', async () => {
    const { url } = await contentServer(response => {
      response.writeHead(200);
      response.write('one, ');
      response.end('two');
    });
    expect((await fetched(url)).content.toString()).toBe('one, two');
  });

  it('is requested with the user and password of its URL, which are not sent to another host', async () => {
    const { host: other, requests: there } = await contentServer(serving('x'));
    const { host, requests } = await contentServer(answering(302, { location: `http://${other}/` }));
    await fetched(`http://me:p%40ss@${host}/`);
    expect(requests[0]?.headers.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
    expect(there[0]?.headers).not.toHaveProperty('authorization');
  });
});

describe('a content encoding', () => {
  it('is decoded if it is gzip, even if the connection is lost in between', async () => {
    const content = randomBytes(500_000).toString('hex');
    const packed = gzipSync(content);
    const encoded = { etag: '"one"', 'content-encoding': 'gzip' };
    const { url, requests } = await contentServer(
      stopsAfter(100_000, packed, encoded),
      (response, { headers }) => {
        const [, from = ''] = /^bytes=(\d+)-$/.exec(headers.range ?? '') ?? [];
        const range = `bytes ${from}-${packed.length - 1}/${packed.length}`;
        response.writeHead(206, { ...encoded, 'content-range': range }).end(packed.subarray(Number(from)));
      },
    );
    const { written, content: got } = await fetched(url, { limits: SHORT });
    expect(got.toString()).toBe(content);
    expect(written.sha256).toBe(sha256(content));
    expect(requests[1]?.headers.range).toBe('bytes=100000-');
  });

  it.each(['br', 'zstd', 'x-gzip', 'deflate'])('is left alone if it is %s', async encoding => {
    const { url } = await contentServer(answering(200, { 'content-encoding': encoding }, 'as it is'));
    expect((await fetched(url)).content.toString()).toBe('as it is');
  });

  it.each([
    ['which it does not have', Buffer.from('not gzip')],
    ['that breaks off', gzipSync(randomBytes(1_000)).subarray(0, 500)],
  ])('%s is an error that names it', async (_, body) => {
    const { url, requests } = await contentServer(response => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(body);
    });
    const error = await failure(fetched(url, { limits: { backoff: QUICK, tries: 2 } }));
    expect(error).toMatchObject({
      name: 'NotDownloadable',
      message: expect.stringMatching(/^the content is damaged: .* \(tried 2 times\)$/),
    });
    expect(requests).toHaveLength(2);
  });
});

describe('a lost connection', () => {
  it('is resumed if the content has an ETag', async () => {
    const content = randomBytes(2_000_000);
    const { url, requests } = await contentServer(stopsAfter(1_200_000, content), serving(content));
    const { written, content: got, retries } = await fetched(url, { limits: SHORT });
    expect(written.sha256).toBe(sha256(content));
    expect(got.equals(content)).toBe(true);
    expect(requests[1]?.headers).toMatchObject({ range: 'bytes=1200000-', 'if-range': '"one"' });
    expect(retries).toHaveLength(1);
  });

  it.each([
    ['has changed meanwhile', serving('the new content', '"two"')],
    [
      'is served without ranges',
      (response: ServerResponse) => void response.writeHead(200).end('the new content'),
    ],
    ['has become too short', answering(416), serving('the new content', '"two"')],
    [
      'arrives as another range',
      answering(206, { etag: '"one"', 'content-range': 'bytes 3-5/9' }, 'odd'),
      serving('the new content'),
    ],
    [
      'arrives as a range of other content',
      answering(206, { etag: '"x"', 'content-range': 'bytes 8-9/10' }, 'od'),
      serving('the new content'),
    ],
  ] as [string, ...Answer[]][])('causes a new download if the content %s', async (_, ...answers) => {
    const { url } = await contentServer(cutAfter(8, 'the old content'), ...answers);
    expect((await fetched(url)).content.toString()).toBe('the new content');
  });

  it.each([
    ['without a validator', {}],
    ['with a weak ETag', { etag: 'W/"one"' }],
  ])('causes a new download %s', async (_, headers) => {
    const { url, requests } = await contentServer(
      cutAfter(4, 'the content', headers),
      serving('the content'),
    );
    expect((await fetched(url)).content.toString()).toBe('the content');
    expect(requests[1]?.headers).not.toHaveProperty('range');
  });

  it('keeps what has arrived while the server fails', async () => {
    const content = randomBytes(100_000);
    const { url, requests } = await contentServer(
      stopsAfter(50_000, content),
      answering(503),
      hangingUp,
      answering(429),
      serving(content),
    );
    expect((await fetched(url, { limits: SHORT })).written.sha256).toBe(sha256(content));
    expect(requests.at(-1)?.headers.range).toBe('bytes=50000-');
  });

  it('does not count as a failure of a download that makes progress', async () => {
    const content = randomBytes(5_000_000);
    let sent = 0;
    const piecemeal = (response: ServerResponse) => {
      const part = content.subarray(sent, sent + 1_100_000);
      const range = `bytes ${sent}-${content.length - 1}/${content.length}`;
      response.writeHead(sent === 0 ? 200 : 206, {
        etag: '"one"',
        'content-length': content.length - sent,
        ...(sent > 0 && { 'content-range': range }),
      });
      sent += part.length;
      response.write(part, () => response.socket?.destroySoon());
    };
    const { url } = await contentServer(piecemeal);
    const { written, retries } = await fetched(url, { limits: { backoff: QUICK, tries: 2 } });
    expect(written.sha256).toBe(sha256(content));
    expect(retries.length).toBeGreaterThan(2);
  });

  it.each([
    ['sends no validator', {}],
    ['sends a new ETag each time', undefined],
  ])('counts as a failure if the server %s, however much arrives in between', async (_, fixed) => {
    const content = Buffer.alloc(3_000_000);
    const { url, requests } = await contentServer((response, request) => {
      const headers = fixed ?? { etag: `"${requests.length}"` };
      const bytes = requests.length % 2 === 1 ? 2_200_000 : 500_000;
      cutAfter(bytes, content, headers)(response, request);
    });
    const stop = AbortSignal.timeout(20_000);
    const error = await failure(fetched(url, { limits: { backoff: QUICK, tries: 4 }, signal: stop }));
    expect(error.message).toMatch(/\(tried 4 times\)$/);
    // The first try may count as progress.
    expect(requests.length).toBeLessThanOrEqual(5);
  });

  it('at any offsets yields the same content', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 2_000 }),
        fc.array(fc.nat(2_000), { maxLength: 4 }),
        fc.boolean(),
        async (bytes, cuts, isPacked) => {
          const content = isPacked ? gzipSync(bytes) : Buffer.from(bytes);
          const headers = { etag: '"one"', ...(isPacked && { 'content-encoding': 'gzip' }) };
          let request = 0;
          const { url } = await contentServer((response, { headers: asked }) => {
            const from = Number(/^bytes=(\d+)-$/.exec(asked.range ?? '')?.[1] ?? 0);
            const rest = content.subarray(from);
            const cut = cuts[request++];
            response.writeHead(from > 0 ? 206 : 200, {
              ...headers,
              'content-length': rest.length,
              ...(from > 0 && { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` }),
            });
            if (cut === undefined || cut >= rest.length) response.end(rest);
            else response.write(rest.subarray(0, cut), () => response.socket?.destroySoon());
          });
          expect((await fetched(url)).content.equals(Buffer.from(bytes))).toBe(true);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('a server', () => {
  it.each([400, 401, 403, 404, 410, 451, 304, 204])('that answers %i is not asked again', async status => {
    const { url, host, requests } = await contentServer(answering(status));
    const error = await failure(fetched(url));
    expect(error).toMatchObject({ name: 'NotDownloadable', message: `${host} answered ${status}` });
    expect(requests).toHaveLength(1);
  });

  it.each([
    ['answers with 500', answering(500)],
    ['answers with 429', answering(429)],
    ['closes the connection', hangingUp],
  ])('that %s is asked a few times, and the error names only its host', async (_, answer) => {
    const { url, host, requests } = await contentServer(answer);
    const error = await failure(fetched(url, { limits: { backoff: QUICK, tries: 4 } }));
    expect(error.message).toContain(host);
    expect(error.message).toMatch(/\(tried 4 times\)$/);
    expect(String(error.stack)).not.toContain('nobody-may-see');
    expect(requests).toHaveLength(4);
  });

  it.each([
    ['sends nothing', silent],
    [
      'stops sending',
      (response: ServerResponse) => {
        response.writeHead(200, { 'content-length': 1_000, etag: '"one"' });
        response.write('some of it');
      },
    ],
    [
      'sends a byte now and then',
      (response: ServerResponse) => {
        response.writeHead(200, { 'content-length': 1_000_000, etag: '"one"' });
        const timer = setInterval(() => response.write('x'), 20);
        response.on('close', () => {
          clearInterval(timer);
        });
      },
    ],
  ])('that %s is abandoned', async (_, answer) => {
    const { url } = await contentServer(answer);
    const error = await failure(fetched(url, { limits: { backoff: QUICK, stalledMs: 200, tries: 2 } }));
    expect(error.message).toMatch(/almost nothing was received for 0 s \(tried 2 times\)$/);
  });

  it.each([
    ['sends just fast enough', endlessDrip],
    ['always answers with 503', answering(503)],
  ])('that %s is abandoned after the time limit', async (_, answer) => {
    const { url } = await contentServer(answer);
    const limits = { backoff: { baseMs: 10, capMs: 10 }, longestMs: 1_500, tries: Infinity };
    const error = await failure(fetched(url, { limits, signal: AbortSignal.timeout(30_000) }));
    expect(error).toMatchObject({ name: 'NotDownloadable', message: 'it was not complete after 2 s' });
  });

  it('that sends more than it announced yields only what it announced', async () => {
    const { url } = await rawServer('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfour and more');
    expect((await fetched(url)).content.toString()).toBe('four');
  });

  it('that sends a part of an endless content is abandoned', async () => {
    const { url } = await contentServer(answering(206, { 'content-range': 'bytes 0-3/1000' }, 'four'));
    const error = await failure(fetched(url, { limits: { backoff: QUICK, tries: 2 } }));
    expect(error.message).toMatch(/sent 4 bytes, but had announced 1000 \(tried 2 times\)$/);
  });

  it.each(['nonsense\r\n\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nx', 'HTTP/1.1 999\r\n\r\n'])(
    'that does not speak HTTP is an error: %j',
    async text => {
      const { url } = await rawServer(text);
      expect(await failure(fetched(url, { limits: { backoff: QUICK, tries: 2 } }))).toMatchObject({
        name: 'NotDownloadable',
      });
    },
  );
});

describe('redirects', () => {
  it('are followed, including relative ones', async () => {
    const { url, requests } = await contentServer(
      answering(303, { location: '/there' }),
      answering(307, { location: '?elsewhere' }),
      serving('found'),
    );
    expect((await fetched(url)).content.toString()).toBe('found');
    expect(requests.map(request => request.url)).toEqual([
      '/content?signature=nobody-may-see',
      '/there',
      '/there?elsewhere',
    ]);
  });

  it('fail if they form a loop', async () => {
    const { url, host, requests } = await contentServer(answering(302, { location: '/again' }));
    const error = await failure(fetched(url));
    expect(error.message).toBe(`${host} redirected more than 10 times`);
    expect(requests).toHaveLength(11);
  });

  it.each(['file:///etc/passwd', 'ftp://host/file', 'data:text/plain,x', 'gopher://x/'])(
    'to %s are refused',
    async location => {
      const { url, requests } = await contentServer(answering(302, { location }));
      const error = await failure(fetched(url));
      expect(error.message).toMatch(
        /redirected to a URL with the scheme [a-z]+; only http and https are followed$/,
      );
      expect(requests).toHaveLength(1);
    },
  );

  it('without a Location are refused', async () => {
    const { url } = await contentServer(answering(302, { location: 'http://[' }));
    expect((await failure(fetched(url))).message).toMatch(/redirected to something that is not a URL$/);
  });

  it('with an endless body are followed', async () => {
    const { url } = await contentServer(endless(302, { location: '/there' }), serving('found'));
    expect((await fetched(url)).content.toString()).toBe('found');
  });
});

describe('a URL', () => {
  it.each(['file:///etc/passwd', 'ftp://host/x', 'nonsense', ''])('%j is refused', async url => {
    expect((await failure(fetched(url))).message).toMatch(/^only http and https URLs can be downloaded/);
  });

  it('is resolved again for each attempt, because it may expire', async () => {
    const { host, requests } = await contentServer(answering(500), serving('x'));
    let asked = 0;
    await fetched('', { locate: () => Promise.resolve({ url: `http://${host}/${++asked}` }) });
    expect(requests.map(({ url }) => url)).toEqual(['/1', '/2']);
  });

  it('may come with a SHA-256, and content that does not match it is downloaded again', async () => {
    const { url, requests } = await contentServer(serving('damaged'), serving('whole'));
    const located = { url, sha256: sha256('whole') };
    expect((await fetched(url, { locate: () => Promise.resolve(located) })).content.toString()).toBe('whole');
    expect(requests).toHaveLength(2);
  });
});

describe('the disk', () => {
  it('must have space before the content is requested, or nothing is written', async () => {
    const { url } = await contentServer(serving(Buffer.alloc(2_000_000)));
    const disk = { freeBytes: () => Promise.resolve(2_500_000), reserveBytes: 1_000_000 };
    const error = await failure(fetched(url, { disk }));
    expect(error).toMatchObject({
      name: 'TaskError',
      kind: 'resource-unavailable',
      message:
        'this machine has run out of disk space: 2 MB more are needed, 3 MB are free, and downloads leave 1 MB free',
    });
  });

  it('is checked again while an endless body arrives', async () => {
    let free = 100_000_000;
    const { url } = await contentServer(endless(200, {}, bytes => (free -= bytes)));
    const error = await failure(fetched(url, { disk: { freeBytes: () => Promise.resolve(free) } }));
    expect(error).toMatchObject({
      kind: 'resource-unavailable',
      message: expect.stringMatching(/run out of disk space/),
    });
  });

  it('is not filled by a decompression bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(200_000_000));
    const { url } = await contentServer(response => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    });
    let looks = 0;
    const freeBytes = () => Promise.resolve(looks++ < 3 ? 1_000_000_000 : -1);
    const error = await failure(fetched(url, { disk: { freeBytes } }));
    expect(error).toMatchObject({ kind: 'resource-unavailable' });
  });

  it('is freed first if possible', async () => {
    let free = 0;
    const { url } = await contentServer(serving('x'));
    const makeRoom = () => Promise.resolve(void (free = 1_000_000));
    const { content } = await fetched(url, { disk: { freeBytes: () => Promise.resolve(free), makeRoom } });
    expect(content.toString()).toBe('x');
  });
});

describe('a stop', () => {
  it.each([
    ['before the answer', silent],
    [
      'during the transfer',
      (response: ServerResponse) => void response.writeHead(200, { 'content-length': 9 }).write('x'),
    ],
    ['between two attempts', answering(503)],
  ])('%s aborts it at once, with its reason', async (_, answer) => {
    const stopped = new AbortController();
    const { url, requests } = await contentServer(answer);
    const work = failure(
      fetched(url, { signal: stopped.signal, limits: { backoff: { baseMs: 1e9, capMs: 1e9 } } }),
    );
    await waitFor(() => {
      expect(requests).toHaveLength(1);
    });
    stopped.abort(new Error('task canceled'));
    expect((await work).message).toBe('task canceled');
  });
});
