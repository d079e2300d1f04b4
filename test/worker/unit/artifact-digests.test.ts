import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RunCalls } from '../../../src/taskcluster/index.ts';
import { runArtifacts } from '../../../src/worker/artifacts/run-artifacts.ts';

const TEXT = Buffer.from('hello '.repeat(20_000));
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** The artifacts of a run. Their storage answers with these statuses, and repeats the last one. */
async function setting(...statuses: number[]) {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-test-'));
  const received: { readonly headers: IncomingHttpHeaders; readonly body: Buffer }[] = [];
  const stopped = new AbortController();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks) });
      const [status = 200] = statuses.length > 1 ? statuses.splice(0, 1) : statuses;
      response.writeHead(status).end();
      if (status !== 200) stopped.abort(new Error('told to stop'));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const putUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
  const files: FileHandle[] = [];
  onTestFinished(async () => {
    await Promise.all(files.map(file => file.close()));
    server.close();
    await rm(folder, { recursive: true });
  });
  const sink = runArtifacts({
    calls: {
      createArtifact: async () => ({ storageType: 's3', putUrl, contentType: '', expires: '' }),
    } as unknown as RunCalls,
    expires: '2040-01-01T00:00:00Z',
    beside: join(folder, 'run'),
  });
  sink.wantDigests();
  const file = async (content: Buffer) => {
    const path = join(folder, String(files.length));
    await writeFile(path, content);
    const handle = await open(path);
    files.push(handle);
    return handle;
  };
  return { sink, received, file, options: { contentType: 'text/plain', signal: stopped.signal } };
}

describe('the digest of an artifact', () => {
  it.each(['gzip', 'identity'] as const)(
    'is that of its content if it was uploaded: %s',
    async contentEncoding => {
      const { sink, file, options } = await setting(200);
      await sink.upload('public/a', await file(TEXT), { ...options, contentEncoding });
      expect([...sink.digests]).toEqual([['public/a', sha256(TEXT)]]);
    },
  );

  it.each(['gzip', 'identity'] as const)(
    'is not recorded if the artifact could not be uploaded: %s',
    async contentEncoding => {
      for (const isFile of [true, false]) {
        const { sink, file, options, received } = await setting(403);
        const content = isFile ? await file(TEXT) : TEXT;
        await expect(sink.upload('public/a', content, { ...options, contentEncoding })).rejects.toThrow(
          'told to stop',
        );
        expect(received).toHaveLength(1);
        expect([...sink.digests]).toEqual([]);
      }
    },
  );

  it('is not computed for what the worker itself uploads, unless that is certified', async () => {
    const { sink, file, options, received } = await setting(200);
    const ready = gzipSync('made already');
    for (const name of ['the log', 'certified']) sink.reserve(name, 'the worker');
    const contentEncoding = 'gzip';
    const compressed = () => file(ready);
    await sink.upload('the log', await file(TEXT), { ...options, contentEncoding, compressed });
    expect(received.at(-1)?.body.equals(ready)).toBe(true);
    await sink.upload('certified', await file(TEXT), { ...options, contentEncoding, isCertified: true });
    expect([...sink.digests]).toEqual([['certified', sha256(TEXT)]]);
  });
});

it('bytes that are not in a file are compressed as well', async () => {
  const { sink, options, received } = await setting(200);
  await sink.upload('public/a', TEXT, { ...options, contentEncoding: 'gzip' });
  const [{ headers, body } = { headers: {}, body: TEXT }] = received;
  expect(headers['content-encoding']).toBe('gzip');
  expect(gunzipSync(body).equals(TEXT)).toBe(true);
  expect(sink.digests.get('public/a')).toBe(sha256(TEXT));
});
