import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { StreamSource } from '../../../src/worker/files/file-source.ts';
import { unchangedUpload, putFile, type PutOptions } from '../../../src/worker/files/put.ts';
import { listening } from '../../harness/listening.ts';

const MB = 1024 * 1024;
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** A store that handles requests in these ways in turn, and repeats the last one. */
async function store(...turns: ((request: IncomingMessage, response: ServerResponse) => void)[]) {
  let requests = 0;
  const server = createServer((request, response) => {
    request.on('error', () => undefined);
    turns[Math.min(requests++, turns.length - 1)]?.(request, response);
  });
  const url = `http://${await listening(server)}/object?signed`;
  return { place: { url, headers: { 'content-type': 'text/plain' } }, requests: () => requests };
}

/** Records complete uploads and their announced lengths. */
function keeping() {
  const kept: { readonly length: string | undefined; readonly body: Buffer }[] = [];
  const keep = (request: IncomingMessage, response: ServerResponse) => {
    void buffer(request).then(
      body => {
        kept.push({ length: request.headers['content-length'], body });
        response.end();
      },
      () => undefined,
    );
  };
  return { kept, keep };
}

/** Closes the connection when this many bytes have arrived. */
const cutAfter = (bytes: number) => (request: IncomingMessage) => {
  let got = 0;
  request.on('data', (piece: Buffer) => {
    if ((got += piece.length) >= bytes) request.destroy();
  });
};

/** A source that opens these streams in turn, and records their ends. */
function sourceOf(stream: (opened: number) => AsyncIterable<Buffer>) {
  const streams: { readonly stream: AsyncIterable<Buffer>; readonly signal: AbortSignal }[] = [];
  const source: StreamSource = {
    open: async signal => {
      const opened = stream(streams.length);
      streams.push({ stream: opened, signal });
      return opened;
    },
    close: async () => undefined,
  };
  return { source, streams };
}

function* piecesOf(content: Buffer, pieceBytes = 100_000) {
  for (let at = 0; at < content.length; at += pieceBytes) yield content.subarray(at, at + pieceBytes);
}

const options = (change: Partial<PutOptions> = {}): PutOptions => ({
  signal: new AbortController().signal,
  ...change,
});

function withoutPauses(): void {
  vi.spyOn(Math, 'random').mockReturnValue(0);
  onTestFinished(() => void vi.restoreAllMocks());
}

describe('a stream that is uploaded by PUT', () => {
  it.each([0, 1, 3_000_000])('arrives unchanged, with its length: %i bytes', async length => {
    const content = randomBytes(length);
    const { kept, keep } = keeping();
    const { place } = await store(keep);
    const { source } = sourceOf(() => Readable.from(piecesOf(content)));
    const reportedValues: (string | number)[] = [];
    await putFile(place, await unchangedUpload(source, length), {
      ...options(),
      onSent: bytes => reportedValues.push(bytes),
      onDigest: digest => reportedValues.push(digest),
    });
    expect(kept).toHaveLength(1);
    expect(kept[0]?.length).toBe(String(length));
    expect(kept[0]?.body.equals(content)).toBe(true);
    expect(reportedValues.at(-1)).toBe(sha256(content));
    if (length > 0) expect(reportedValues.at(-2)).toBe(length);
  });

  it('is opened again for each attempt, and its digest is that of the last one', async () => {
    withoutPauses();
    const content = randomBytes(9_000_000);
    const { kept, keep } = keeping();
    const refuse = (request: IncomingMessage, response: ServerResponse) => {
      request.resume().once('end', () => response.writeHead(503).end('SlowDown'));
    };
    const { place, requests } = await store(cutAfter(1_000_000), refuse, cutAfter(4_000_000), keep);
    const { source, streams } = sourceOf(() => Readable.from(piecesOf(content)));
    const digests: string[] = [];
    await putFile(place, await unchangedUpload(source, content.length), {
      ...options(),
      onDigest: digest => digests.push(digest),
    });
    expect(requests()).toBe(4);
    expect(kept.map(({ body }) => body.equals(content))).toEqual([true]);
    expect(digests).toEqual([sha256(content)]);
    expect(streams).toHaveLength(4);
    expect(streams.map(({ stream }) => (stream as Readable).destroyed)).toEqual([true, true, true, true]);
  });

  it.each([
    ['shorter', 1_000_001, 'has only 1000000 bytes instead of the announced 1000001'],
    ['longer', 999_999, 'has more bytes instead of the announced 999999'],
    ['longer by a piece', 900_000, 'has more bytes instead of the announced 900000'],
    ['not empty', 0, 'has more bytes instead of the announced 0'],
  ])('fails the upload if its length is not the announced one: %s', async (_, size, message) => {
    const { kept, keep } = keeping();
    const { place } = await store(keep);
    const { source, streams } = sourceOf(() => Readable.from(piecesOf(randomBytes(1_000_000))));
    await expect(putFile(place, await unchangedUpload(source, size), options())).rejects.toMatchObject({
      name: 'TaskError',
      kind: 'task-failed',
      message: expect.stringContaining(message) as string,
    });
    expect(streams).toHaveLength(1);
    expect(kept).toEqual([]);
  });

  it('is sent again when it breaks', async () => {
    withoutPauses();
    const content = randomBytes(1_000_000);
    const { kept, keep } = keeping();
    const { place } = await store(keep);
    const { source, streams } = sourceOf(opened => {
      const isLast = opened === 2;
      return (async function* () {
        yield* piecesOf(isLast ? content : content.subarray(0, 300_000));
        if (!isLast) throw new Error('socket hang up');
      })();
    });
    await putFile(place, await unchangedUpload(source, content.length), options());
    expect(streams).toHaveLength(3);
    expect(kept.map(({ body }) => body.equals(content))).toEqual([true]);
  });

  it('fails after it breaks repeatedly, with an error that does not blame the store', async () => {
    withoutPauses();
    const { place } = await store(keeping().keep);
    let opened = 0;
    const { source } = sourceOf(() => {
      opened++;
      throw new Error('the engine does not answer');
    });
    await expect(putFile(place, await unchangedUpload(source, 5), options())).rejects.toMatchObject({
      kind: 'resource-unavailable',
      message: 'could not be read: the engine does not answer',
    });
    expect(opened).toBe(8);
  });

  it('ends at once when the run is stopped, even if it emits nothing', async () => {
    const { place, requests } = await store(keeping().keep);
    const stream = new Readable({ read: () => undefined });
    const { source, streams } = sourceOf(() => stream);
    const stopped = new AbortController();
    const putting = putFile(place, await unchangedUpload(source, 5), options({ signal: stopped.signal }));
    const outcome = putting.catch((error: unknown) => (error as Error).message);
    await expect.poll(() => streams.length).toBe(1);
    stopped.abort(new Error('task canceled'));
    expect(await outcome).toBe('task canceled');
    await expect.poll(() => stream.destroyed).toBe(true);
    expect(streams[0]?.signal.aborted).toBe(true);
    expect(requests()).toBeLessThanOrEqual(1);
  });

  it('is sent again when the store closes the connection while it emits nothing', async () => {
    withoutPauses();
    const { kept, keep } = keeping();
    const { place } = await store(cutAfter(1), keep);
    const stuck = new Readable({ read: () => undefined });
    stuck.push('w');
    const { source, streams } = sourceOf(opened =>
      opened === 0 ? stuck : Readable.from([Buffer.from('whole')]),
    );
    await putFile(place, await unchangedUpload(source, 5), options());
    expect(kept.map(({ body }) => body.toString())).toEqual(['whole']);
    expect(streams).toHaveLength(2);
    await expect.poll(() => stuck.destroyed).toBe(true);
  });
});

describe('a long stream', () => {
  it('is only read as fast as it is uploaded, so that 500 MB need no more memory than a few pieces', async () => {
    const size = 500 * MB;
    let read = 0;
    let arrived = 0;
    let most = 0;
    const { place } = await store((request, response) => {
      request.on('data', (piece: Buffer) => {
        most = Math.max(most, read - arrived);
        arrived += piece.length;
      });
      request.once('end', () => response.end());
    });
    const { source } = sourceOf(() =>
      Readable.from(
        (function* () {
          for (; read < size; read += MB / 4) yield Buffer.alloc(MB / 4, read / MB);
        })(),
      ),
    );
    await putFile(place, await unchangedUpload(source, size), options());
    expect(arrived).toBe(size);
    // The kernel buffers a few MB at both ends of a connection.
    expect(most).toBeLessThan(32 * MB);
  });

  it('waits while the store does not read', async () => {
    const { place } = await store(() => undefined);
    let read = 0;
    const { source } = sourceOf(() =>
      Readable.from(
        (function* () {
          for (; read < 500 * MB; read += MB) yield Buffer.alloc(MB);
        })(),
      ),
    );
    withoutPauses();
    const stopped = new AbortController();
    const limits = { signal: stopped.signal, stalledMs: 300, slowestBytesPerSecond: 1e9 };
    const reportedValues: number[] = [];
    const putting = putFile(place, await unchangedUpload(source, 500 * MB), {
      ...limits,
      onSent: bytes => reportedValues.push(bytes),
      freshPlace: () => Promise.resolve(place),
    });
    const outcome = putting.catch((error: unknown) => (error as Error).message);
    // The second try shows that the first was given up for lack of progress.
    await expect
      .poll(() => reportedValues.filter(bytes => bytes === MB).length, { timeout: 30_000 })
      .toBeGreaterThan(1);
    stopped.abort(new Error('task canceled'));
    expect(await outcome).toBe('task canceled');
    expect(read).toBeLessThan(64 * MB);
  });
});
