import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { listening } from '../../harness/listening.ts';
import { unchangedUpload, putFile, type Place, type PutOptions } from '../../../src/worker/files/put.ts';
import { waitFor } from '../../wait-for.ts';

const SIGNED = '/bucket/object?X-Amz-Signature=nobody-may-see';
const TRIES = 8;

/** A store that gives these answers in turn, repeats the last one, and records uploads. */
async function store(...answers: ((response: ServerResponse) => void)[]) {
  const puts: { url: string; headers: IncomingHttpHeaders; body: Buffer }[] = [];
  const server = createServer((request, response) => {
    void buffer(request).then(
      body => {
        const answer = answers[puts.length] ?? answers.at(-1) ?? taken;
        puts.push({ url: request.url ?? '', headers: request.headers, body });
        answer(response);
      },
      () => undefined,
    );
  });
  const host = await listening(server);
  return { puts, host, url: `http://${host}${SIGNED}` };
}

const taken = (response: ServerResponse) => void response.end();
const refused = (status: number, text: string) => (response: ServerResponse) => {
  response.writeHead(status).end(text);
};
const hungUp = (response: ServerResponse) => void response.socket?.destroy();
const silent = () => undefined;

/** A file with this content, open for reading and writing. */
async function file(content: Buffer | string): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-put-'));
  const handle = await open(join(folder, 'file'), 'wx+');
  onTestFinished(async () => {
    await handle.close();
    await rm(folder, { recursive: true, force: true });
  });
  await handle.writeFile(content);
  return handle;
}

const at = (url: string, headers = {}): Place => ({
  url,
  headers: { 'content-type': 'text/plain', ...headers },
});

const options = (change: Partial<PutOptions> = {}): PutOptions => ({
  signal: new AbortController().signal,
  ...change,
});

/** A store that neither reads the first upload nor closes its connection. */
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
  return { host: await listening(server), deaf: () => deaf };
}

/** A store that takes two seconds to read this many bytes, without a pause. */
async function slowReader(length: number) {
  let connections = 0;
  const server = createTcpServer(socket => {
    connections++;
    socket.on('error', () => undefined);
    // With this listener, bytes stay in the socket until they are read.
    socket.on('readable', () => undefined);
    let read = 0;
    const reading = setInterval(() => {
      for (let left = length / 100; left > 0;) {
        const piece = socket.read(Math.min(left, socket.readableLength || 1)) as Buffer | null;
        if (!piece) break;
        left -= piece.length;
        read += piece.length;
      }
      if (read >= length) {
        clearInterval(reading);
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      }
    }, 20);
    socket.on('close', () => {
      clearInterval(reading);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/object`, connections: () => connections };
}

/** Removes the pauses between tries. */
function withoutPauses(): void {
  vi.spyOn(Math, 'random').mockReturnValue(0);
  onTestFinished(() => void vi.restoreAllMocks());
}

describe('a file that is uploaded by PUT', () => {
  it('arrives unchanged, with its length and its type', async () => {
    const content = randomBytes(1_000_000);
    const { url, puts } = await store();
    await putFile(at(url), await unchangedUpload(await file(content)), options());
    expect(puts).toHaveLength(1);
    expect(puts[0]?.body.equals(content)).toBe(true);
    expect(puts[0]?.headers).toMatchObject({ 'content-length': '1000000', 'content-type': 'text/plain' });
    expect(puts[0]?.headers).not.toHaveProperty('content-encoding');
    expect(puts[0]?.headers).not.toHaveProperty('transfer-encoding');
  });

  it('is sent with its content encoding', async () => {
    const { url, puts } = await store();
    await putFile(at(url, { 'Content-Encoding': 'gzip' }), await unchangedUpload(await file('x')), options());
    expect(puts[0]?.headers).toMatchObject({ 'content-encoding': 'gzip' });
  });

  it('may be empty', async () => {
    const { url, puts } = await store();
    await putFile(at(url), await unchangedUpload(await file('')), options());
    expect(puts[0]?.headers).toMatchObject({ 'content-length': '0' });
  });

  // S3 answers with 400 for some of its own failures.
  it.each([
    ['answers with 503', refused(503, 'SlowDown')],
    ['answers with 400', refused(400, 'RequestTimeout')],
    ['closes the connection', hungUp],
  ])('is sent again, whole, when the store %s', async (_, answer) => {
    withoutPauses();
    const { url, puts } = await store(answer, answer, taken);
    let tries = 0;
    const onTry = () => {
      tries += 1;
    };
    await putFile(at(url), await unchangedUpload(await file('whole')), { ...options(), onTry });
    expect(puts.map(({ body }) => body.toString())).toEqual(['whole', 'whole', 'whole']);
    expect(tries).toBe(3);
  });

  it('fails after eight refusals, with an error that names only the host of the URL', async () => {
    withoutPauses();
    const { url, host, puts } = await store(refused(403, 'AccessDenied'));
    const error: unknown = await putFile(at(url), await unchangedUpload(await file('x')), options()).catch(
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

  it('is retried for as long as an outage of a store may last', async () => {
    withoutPauses();
    const outage = Array.from({ length: 30 }, (_, index) => (index % 2 ? hungUp : refused(503, 'SlowDown')));
    const { url, puts } = await store(...outage, taken);
    await putFile(at(url), await unchangedUpload(await file('whole')), options());
    expect(puts).toHaveLength(31);
  });

  it('is sent again when no bytes have moved for a while', async () => {
    withoutPauses();
    const { url, puts } = await store(silent, taken);
    await putFile(at(url), await unchangedUpload(await file('whole')), options({ stalledMs: 300 }));
    expect(puts).toHaveLength(2);
  });

  it('is sent again when the store stops reading', async () => {
    withoutPauses();
    const content = randomBytes(20_000_000);
    const { host, deaf } = await deafOnce(content.length);
    const limits = { stalledMs: 500, slowestBytesPerSecond: 10_000_000 };
    await putFile(at(`http://${host}/object`), await unchangedUpload(await file(content)), options(limits));
    expect(deaf()).toBe(1);
  });

  // The pieces of the file are read into the same memory repeatedly.
  it('arrives unchanged at a slow store, and its progress is reported', async () => {
    const content = randomBytes(9_000_000);
    const got = createHash('sha256');
    const server = createServer((request, response) => {
      request.on('data', (piece: Buffer) => {
        got.update(piece);
        request.pause();
        setTimeout(() => request.resume(), 2);
      });
      request.once('end', () => response.end());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const sentBytes: number[] = [];
    await putFile(at(`http://127.0.0.1:${port}/object`), await unchangedUpload(await file(content)), {
      ...options(),
      onSent: bytes => void sentBytes.push(bytes),
    });
    expect(got.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'));
    expect(sentBytes.at(-1)).toBe(content.length);
    expect(sentBytes).toEqual(sentBytes.toSorted((one, other) => one - other));
  });

  it('is sent to a fresh URL after each refusal, and to the same URL after any other failure', async () => {
    withoutPauses();
    const { url, puts } = await store(
      hungUp,
      refused(403, 'Request has expired'),
      refused(403, 'again'),
      taken,
    );
    const asked: string[] = [];
    await putFile(at(`${url}&first`), await unchangedUpload(await file('x')), {
      ...options(),
      freshPlace: () => {
        asked.push('fresh');
        return Promise.resolve(at(`${url}&fresh${asked.length}`));
      },
    });
    expect(puts.map(put => put.url.split('&')[1])).toEqual(['first', 'first', 'fresh1', 'fresh2']);
  });

  // The kernel buffers the 4 MB of this file, so the whole file has left the worker long before.
  it('is not sent again while the store reads, however slowly', async () => {
    const length = 5_000_000;
    const { url, connections } = await slowReader(length);
    await putFile(
      at(url),
      await unchangedUpload(await file(Buffer.alloc(length))),
      options({ stalledMs: 300 }),
    );
    expect(connections()).toBe(1);
  });

  it('is not sent again after it was truncated', async () => {
    const { url } = await store();
    const shrinking = await file(randomBytes(1_000_000));
    const putting = putFile(at(url), await unchangedUpload(shrinking), options());
    await shrinking.truncate(10);
    await expect(putting).rejects.toMatchObject({ name: 'TaskError', kind: 'task-failed' });
  });

  it('is sent with the length that it had when the upload started', async () => {
    const { url, puts } = await store();
    const growing = await file('as long as this');
    const putting = putFile(at(url), await unchangedUpload(growing), options());
    await growing.write(' and longer', 15);
    await putting;
    expect(puts[0]?.body.toString()).toBe('as long as this');
  });

  it.each([
    ['during a PUT', silent],
    ['between two attempts', refused(503, 'SlowDown')],
  ])('is abandoned at once when the run is stopped %s', async (_, answer) => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    onTestFinished(() => void vi.restoreAllMocks());
    const stopped = new AbortController();
    const { url, puts } = await store(answer);
    const putting = putFile(
      at(url),
      await unchangedUpload(await file('x')),
      options({ signal: stopped.signal }),
    );
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
