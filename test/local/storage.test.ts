import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { startQueue, type QueueUnderTest } from './queue-under-test.ts';
import { createTestClock } from './test-clock.ts';
import { waitFor } from '../wait-for.ts';

/** A folder of temporary folders of which nobody else makes any. */
const temporaries = mkdtempSync(join(tmpdir(), 'tcw-test-'));

beforeAll(() => {
  vi.stubEnv('TMPDIR', temporaries);
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(temporaries, { recursive: true });
});

const folders = () => readdirSync(temporaries).map(name => join(temporaries, name));

async function putUrlOf(
  queue: QueueUnderTest,
  name = 'public/x',
): Promise<{ taskId: string; putUrl: string }> {
  const taskId = await queue.create();
  const { run } = await queue.claim();
  const answer = await run.createArtifact(taskId, 0, name, {
    storageType: 's3',
    expires: new Date(Date.now() + 3_600_000).toISOString(),
    contentType: 'text/plain',
  });
  if (answer.storageType !== 's3') throw new Error('no URL');
  return { taskId, putUrl: answer.putUrl };
}

/** Sends a PUT as it is given, and returns the status of the answer. */
function put(
  url: string,
  headers: Record<string, string | number>,
  body: string[],
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method: 'PUT', headers }, response => {
      response.resume();
      resolve(response.statusCode);
    });
    call.on('error', reject);
    for (const chunk of body) call.write(chunk);
    call.end();
  });
}

describe('an upload', () => {
  it('is served unchanged, to everybody if it is public', async () => {
    await using queue = await startQueue();
    const { taskId, putUrl } = await putUrlOf(queue, 'public/logs/a b%.log');
    const body = gzipSync('a log\n');
    const upload = await fetch(putUrl, {
      method: 'PUT',
      headers: { 'content-type': 'text/plain; charset=utf-8', 'content-encoding': 'gzip' },
      body,
    });
    const etag = `"${createHash('md5').update(body).digest('hex')}"`;
    expect([upload.status, upload.headers.get('etag'), await upload.text()]).toEqual([200, etag, '']);
    const url = await queue.anonymous.getArtifact(taskId, 0, 'public/logs/a b%.log');
    const download = await fetch(url.url);
    expect(Object.fromEntries(download.headers)).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'content-encoding': 'gzip',
      'content-length': String(body.length),
      etag,
    });
    expect(await download.text()).toBe('a log\n');
  });

  it.each(['nonsense', '', '/', 'text', 'a/b; c', 'multipart/form-data'])(
    'may be of the content type %j, as in S3',
    async type => {
      await using queue = await startQueue();
      const { taskId, putUrl } = await putUrlOf(queue, 'public/x');
      expect(await put(putUrl, { 'content-type': type, 'content-length': 1 }, ['x'])).toBe(200);
      const download = await fetch((await queue.anonymous.getArtifact(taskId, 0, 'public/x')).url);
      expect([download.headers.get('content-type'), await download.text()]).toEqual([type, 'x']);
    },
  );

  it('may be large', async () => {
    await using queue = await startQueue();
    const { putUrl } = await putUrlOf(queue);
    const body = randomBytes(24 * 1024 * 1024);
    expect((await fetch(putUrl, { method: 'PUT', body })).status).toBe(200);
    const download = await fetch(putUrl.replace(/\?.*/, ''));
    expect(Buffer.compare(Buffer.from(await download.arrayBuffer()), body)).toBe(0);
  });

  it('may be empty', async () => {
    await using queue = await startQueue();
    const { putUrl } = await putUrlOf(queue);
    expect((await fetch(putUrl, { method: 'PUT', body: '' })).status).toBe(200);
    expect(await (await fetch(putUrl.replace(/\?.*/, ''))).text()).toBe('');
  });

  it('may be repeated, and the last one is served', async () => {
    await using queue = await startQueue();
    const { putUrl } = await putUrlOf(queue);
    for (const body of ['one', 'two']) await fetch(putUrl, { method: 'PUT', body });
    expect(await (await fetch(putUrl.replace(/\?.*/, ''))).text()).toBe('two');
  });

  it('must have a Content-Length', async () => {
    await using queue = await startQueue();
    const { putUrl } = await putUrlOf(queue);
    expect(await put(putUrl, { 'transfer-encoding': 'chunked' }, ['some'])).toBe(411);
    expect(await put(putUrl, { 'content-length': 4 }, ['so', 'me'])).toBe(200);
  });

  it('that is interrupted leaves nothing', async () => {
    await using queue = await startQueue();
    const { putUrl } = await putUrlOf(queue);
    const [folder = ''] = folders();
    const call = request(putUrl, { method: 'PUT', headers: { 'content-length': 1_000 } });
    call.on('error', () => undefined);
    call.write('a part');
    await waitFor(() => expect(readdirSync(folder)).toHaveLength(1));
    call.destroy();
    await waitFor(() => expect(readdirSync(folder)).toEqual([]));
    expect((await fetch(putUrl.replace(/\?.*/, ''))).status).toBe(404);
  });

  it('requires the URL that was signed for it', async () => {
    await using queue = await startQueue();
    const { putUrl } = await putUrlOf(queue);
    const upload = (url: string) => fetch(url, { method: 'PUT', body: 'x' }).then(({ status }) => status);
    expect(await upload(putUrl.replace('public/x', 'public/y'))).toBe(403);
    expect(await upload(putUrl.replace('public-bucket', 'private-bucket'))).toBe(403);
    expect(await upload(putUrl.replace(/expires=\d/, 'expires=9'))).toBe(403);
    expect(await upload(putUrl.replace(/\?.*/, ''))).toBe(403);
    expect(await upload(putUrl)).toBe(200);
  });

  it('may start for 45 minutes', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    const { putUrl } = await putUrlOf(queue);
    const upload = () => fetch(putUrl, { method: 'PUT', body: 'x' }).then(({ status }) => status);
    await clock.advance(45 * 60_000 - 1);
    expect(await upload()).toBe(200);
    await clock.advance(1);
    expect(await upload()).toBe(403);
  });
});

describe('a private artifact', () => {
  it('needs a signed URL to be read, for 30 minutes, which cannot be used for writing', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    const { taskId, putUrl } = await putUrlOf(queue, 'private/x');
    await fetch(putUrl, { method: 'PUT', body: 'secret' });
    const { url } = await queue.root.getArtifact(taskId, 0, 'private/x');
    expect(await (await fetch(url)).text()).toBe('secret');
    expect((await fetch(url, { method: 'PUT', body: 'x' })).status).toBe(403);
    expect((await fetch(putUrl)).status).toBe(403);
    expect((await fetch(url.replace(/\?.*/, ''))).status).toBe(403);
    await clock.advance(30 * 60_000);
    expect((await fetch(url)).status).toBe(403);
  });
});

describe('the folder of the uploads', () => {
  it('is removed with the queue', async () => {
    const queue = await startQueue();
    const { putUrl } = await putUrlOf(queue);
    await fetch(putUrl, { method: 'PUT', body: 'x' });
    expect(folders()).toHaveLength(1);
    await queue.close();
    expect(folders()).toEqual([]);
  });

  it('cannot be read by others', async () => {
    await using _ = await startQueue();
    const [folder = ''] = folders();
    expect(statSync(folder).mode & 0o077).toBe(0);
  });
});
