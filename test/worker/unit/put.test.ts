import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { gzipped, putFile, type PutOptions } from '../../../src/worker/put.ts';
import { waitFor } from '../../wait-for.ts';

const SIGNED = '/bucket/object?X-Amz-Signature=nobody-may-see';
const TRIES = 8;

/** A store that answers in turn, the last way for ever, and keeps what was put into it. */
async function store(...answers: ((response: ServerResponse) => void)[]) {
  const puts: { headers: IncomingHttpHeaders; body: Buffer }[] = [];
  const server = createServer((request, response) => {
    void buffer(request).then(
      body => {
        const answer = answers[puts.length] ?? answers.at(-1) ?? taken;
        puts.push({ headers: request.headers, body });
        answer(response);
      },
      () => undefined,
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { puts, host, url: `http://${host}${SIGNED}` };
}

const taken = (response: ServerResponse) => void response.end();
const refused = (status: number, text: string) => (response: ServerResponse) => {
  response.writeHead(status).end(text);
};
const hungUp = (response: ServerResponse) => void response.socket?.destroy();
const silent = () => undefined;

async function file(content: Buffer | string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-put-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'file'), content);
  return join(folder, 'file');
}

const options = (change: Partial<PutOptions> = {}): PutOptions => ({
  contentType: 'text/plain',
  contentEncoding: 'identity',
  signal: new AbortController().signal,
  ...change,
});

/** A store that does not read the first upload, nor close its connection. */
async function deafOnce(length: number) {
  let requests = 0;
  let deaf = 0;
  const server = createServer((request, response) => {
    if (++requests === 1) {
      deaf++;
      return;
    }
    void buffer(request).then(body => response.writeHead(body.length === length ? 200 : 500).end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return { port: (server.address() as AddressInfo).port, deaf: () => deaf };
}

/** No pause between two tries is longer than nothing. */
function withoutPauses(): void {
  vi.spyOn(Math, 'random').mockReturnValue(0);
  onTestFinished(() => void vi.restoreAllMocks());
}

describe('a file that is put', () => {
  it('arrives as it is, with its length and its type', async () => {
    const content = randomBytes(1_000_000);
    const { url, puts } = await store();
    await putFile(url, await file(content), options());
    expect(puts).toHaveLength(1);
    expect(puts[0]?.body.equals(content)).toBe(true);
    expect(puts[0]?.headers).toMatchObject({ 'content-length': '1000000', 'content-type': 'text/plain' });
    expect(puts[0]?.headers).not.toHaveProperty('content-encoding');
    expect(puts[0]?.headers).not.toHaveProperty('transfer-encoding');
  });

  it('says that it is compressed', async () => {
    const { url, puts } = await store();
    await putFile(url, await file('x'), options({ contentEncoding: 'gzip' }));
    expect(puts[0]?.headers).toMatchObject({ 'content-encoding': 'gzip' });
  });

  it('may be empty', async () => {
    const { url, puts } = await store();
    await putFile(url, await file(''), options());
    expect(puts[0]?.headers).toMatchObject({ 'content-length': '0' });
  });

  // S3 answers some of its own failures with 400.
  it.each([
    ['is out of order', refused(503, 'SlowDown')],
    ['refuses it', refused(400, 'RequestTimeout')],
    ['hangs up', hungUp],
  ])('is put again, whole, when the store %s', async (_, answer) => {
    withoutPauses();
    const { url, puts } = await store(answer, answer, taken);
    await putFile(url, await file('whole'), options());
    expect(puts.map(({ body }) => body.toString())).toEqual(['whole', 'whole', 'whole']);
  });

  it('is given up after eight refusals, and only the host of its URL is told', async () => {
    withoutPauses();
    const { url, host, puts } = await store(refused(403, 'AccessDenied'));
    const error: unknown = await putFile(url, await file('x'), options()).catch(
      (failure: unknown) => failure,
    );
    expect(puts).toHaveLength(TRIES);
    expect(error).toMatchObject({
      name: 'TaskError',
      kind: 'resource-unavailable',
      message: `could not upload to ${host}: 403 AccessDenied`,
    });
    expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain('nobody-may-see');
  });

  it('is put for as long as a store may be out of order', async () => {
    withoutPauses();
    const outage = Array.from({ length: 30 }, (_, index) => (index % 2 ? hungUp : refused(503, 'SlowDown')));
    const { url, puts } = await store(...outage, taken);
    await putFile(url, await file('whole'), options());
    expect(puts).toHaveLength(31);
  });

  it('is put again when nothing has moved for a while', async () => {
    withoutPauses();
    const { url, puts } = await store(silent, taken);
    await putFile(url, await file('whole'), options({ stalledMs: 300 }));
    expect(puts).toHaveLength(2);
  });

  it('is put again when the store stops reading in the middle', async () => {
    withoutPauses();
    const content = randomBytes(20_000_000);
    const { port, deaf } = await deafOnce(content.length);
    await putFile(`http://127.0.0.1:${port}/object`, await file(content), options({ stalledMs: 500 }));
    expect(deaf()).toBe(1);
  });

  it.each([
    ['while it is on its way', silent],
    ['between two tries', refused(503, 'SlowDown')],
  ])('is given up at once when the run is stopped %s', async (_, answer) => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    onTestFinished(() => void vi.restoreAllMocks());
    const stopped = new AbortController();
    const { url, puts } = await store(answer);
    const putting = putFile(url, await file('x'), options({ signal: stopped.signal }));
    const outcome = putting.then(
      () => 'put',
      () => 'given up',
    );
    await waitFor(() => {
      expect(puts).toHaveLength(1);
    });
    stopped.abort(new Error('task canceled'));
    expect(await outcome).toBe('given up');
    expect(puts).toHaveLength(1);
  });
});

describe('a file that is compressed', () => {
  it('is the same when it is read again, and its user’s alone', async () => {
    const content = Buffer.concat([randomBytes(2_000_000), Buffer.alloc(2_000_000), randomBytes(700_001)]);
    const from = await file(content);
    const { signal } = new AbortController();
    expect(await gzipped(from, `${from}.gz`, signal)).toEqual({
      content: `${from}.gz`,
      contentEncoding: 'gzip',
    });
    expect(gunzipSync(await readFile(`${from}.gz`)).equals(content)).toBe(true);
    expect((await stat(`${from}.gz`)).mode & 0o777).toBe(0o600);
  });

  it.runIf(existsSync('/dev/full'))('goes up as it is where there is no room for another file', async () => {
    const from = await file(randomBytes(300_000));
    await symlink('/dev/full', `${from}.gz`);
    const { signal } = new AbortController();
    expect(await gzipped(from, `${from}.gz`, signal)).toEqual({
      content: from,
      contentEncoding: 'identity',
    });
    await expect(stat(`${from}.gz`)).rejects.toThrow('ENOENT');
  });

  it.each([0, 5, 32 * 1024])('is compressed in memory where it is small: %i bytes', async length => {
    const content = randomBytes(length);
    const from = await file(content);
    const upload = await gzipped(from, `${from}.gz`, new AbortController().signal);
    expect(upload.contentEncoding).toBe('gzip');
    expect(gunzipSync(upload.content).equals(content)).toBe(true);
    await expect(stat(`${from}.gz`)).rejects.toThrow('ENOENT');
    const { url, puts } = await store();
    await putFile(url, upload.content, options(upload));
    expect(puts.map(({ body }) => body)).toEqual([upload.content]);
  });

  it.each([1, 300_000])('is not, when the run is stopped: %i bytes', async length => {
    const from = await file(randomBytes(length));
    const signal = AbortSignal.abort(new Error('task canceled'));
    await expect(gzipped(from, `${from}.gz`, signal)).rejects.toThrow();
  });
});
