import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync, brotliCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/pulse/index.ts';
import { queueCalls, type QueueCall } from '../../src/taskcluster/index.ts';
import { CALLS, failing, hasty } from '../taskcluster/every-call.ts';
import { json, refusal, webServer, type Answer } from '../taskcluster/web-server.ts';

const MEGABYTE = 1024 * 1024;
const NAMES = Object.keys(CALLS) as QueueCall[];
const ONE_TRY = { retries: 0 };
const JSON_TYPE = { 'content-type': 'application/json' };

/** Sends pieces until nobody takes them any more, or there are far too many. */
function endless(piece: string | Buffer, sent: { bytes: number }): Answer {
  return response => {
    response.writeHead(200, JSON_TYPE);
    response.write('{"tasks": [],');
    void pour(response, piece, sent);
  };
}

async function pour(response: ServerResponse, piece: string | Buffer, sent: { bytes: number }) {
  const closed = once(response, 'close');
  while (!response.destroyed && sent.bytes < 400 * MEGABYTE) {
    sent.bytes += piece.length;
    if (!response.write(piece)) await Promise.race([once(response, 'drain'), closed]);
  }
  response.destroy();
}

describe('a hostile queue', () => {
  it.each(NAMES)('cannot make the worker read an endless answer: %s', async name => {
    const sent = { bytes: 0 };
    const { error } = await failing(name, [endless(' '.repeat(MEGABYTE), sent)], ONE_TRY);
    expect(error).toMatchObject({ kind: 'unavailable' });
    expect(error.message).toBe(`${name}: the answer is larger than 16 MiB`);
    // What the kernel's buffers hold was sent too.
    expect(sent.bytes).toBeLessThan(64 * MEGABYTE);
  });

  it.each<[string, string, (content: Buffer) => Buffer]>([
    ['gzip', 'gzip', content => gzipSync(content)],
    ['brotli', 'br', content => brotliCompressSync(content)],
    ['gzip in gzip', 'gzip, gzip', content => gzipSync(gzipSync(content))],
  ])('cannot make the worker decompress what it sends: %s', async (_, encoding, pack) => {
    const bomb = pack(Buffer.from(`{"tasks": [${' '.repeat(64 * MEGABYTE)}]}`));
    const { error } = await failing(
      'claimWork',
      [response => void response.writeHead(200, { ...JSON_TYPE, 'content-encoding': encoding }).end(bomb)],
      ONE_TRY,
    );
    expect(error).toMatchObject({ kind: 'unavailable' });
    expect(error.message).toBe(`claimWork: the answer is compressed (${encoding}), which was not asked for`);
  });

  it('is not asked for compressed answers', async () => {
    const asked: (string | undefined)[] = [];
    const { rootUrl } = await webServer((response, request) => {
      asked.push(request.headers['accept-encoding']);
      json(200, {})(response, request);
    });
    await CALLS.status(queueCalls({ rootUrl }));
    expect(asked).toEqual(['identity']);
  });

  it.each<[string, Answer]>([
    [
      'an answer byte by byte',
      response => {
        response.writeHead(200, JSON_TYPE);
        const drip = setInterval(() => response.write(' '), 5);
        response.on('close', () => {
          clearInterval(drip);
        });
      },
    ],
    [
      'interim answers for ever',
      response => {
        const drip = setInterval(() => {
          response.writeProcessing();
        }, 5);
        response.on('close', () => {
          clearInterval(drip);
        });
      },
    ],
    [
      'headers for ever',
      ({ socket }) => {
        socket?.write('HTTP/1.1 200 OK\r\n');
        const drip = setInterval(() => socket?.write('x: y\r\n'), 5);
        socket
          ?.on('error', () => undefined)
          .on('close', () => {
            clearInterval(drip);
          });
      },
    ],
  ])('cannot delay a call for longer than its policy: %s', async (_, answer) => {
    const { error } = await failing('reclaimTask', [answer], { timeoutMs: 300 });
    expect(error).toMatchObject({ kind: 'unreachable', message: 'reclaimTask: no answer within 300ms' });
  });

  it('cannot fill the memory with headers', async () => {
    const { error } = await failing(
      'status',
      [
        ({ socket }) =>
          void socket?.write(`HTTP/1.1 200 OK\r\n${`x: ${'y'.repeat(1_000)}\r\n`.repeat(1_000)}`),
      ],
      ONE_TRY,
    );
    expect(error.kind).toBe('unreachable');
    expect(error.message).toMatch(/^status: .*overflow/i);
  });

  it('cannot redirect the worker, not even in a loop or by an upgrade', async () => {
    const other = await webServer(json(200, {}));
    for (const status of [301, 302, 303, 307, 308, 300, 304]) {
      const elsewhere: Answer = response =>
        void response.writeHead(status, { ...JSON_TYPE, location: `${other.rootUrl}/x` }).end('{}');
      const { error, tries } = await failing('reportCompleted', [elsewhere], ONE_TRY);
      expect([error.kind, tries]).toEqual(['unavailable', 1]);
    }
    const upgrade: Answer = ({ socket }) =>
      void socket?.write(
        'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n',
      );
    const { error } = await failing('reportCompleted', [upgrade], ONE_TRY);
    expect(error).toMatchObject({ kind: 'unavailable' });
    expect(other.requests).toEqual([]);
  });

  it.each([
    ['an invalid status', 'HTTP/1.1 999 Hm\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\ncontent-length: 2\r\n\r\n{}'],
    ['another protocol', 'SSH-2.0-OpenSSH_9.9\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}'],
    ['a length below zero', 'HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n{}'],
    [
      'a chunk that is too long for its length',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}',
    ],
  ])('that answers with %s counts as unavailable', async (_, bytes) => {
    const { error } = await failing('reportFailed', [({ socket }) => void socket?.end(bytes)], ONE_TRY);
    expect(error.transient).toBe(true);
  });

  it('cannot write more than a few lines into the log of the worker, or control its terminal', async () => {
    const words = `\u001B]0;owned\u0007\u001B[2J\u0000\u009B31m ${'long '.repeat(MEGABYTE)}`;
    for (const answer of [refusal(403, 'InsufficientScopes', words), refusal(500, words, words)]) {
      const { error } = await failing('reportException', [answer], ONE_TRY);
      expect(error.message.length).toBeLessThan(3_000);
      expect(error.message).not.toMatch(/(?!\n)\p{Cc}/u);
    }
  });

  it('with arbitrary values for code and message is understood by its status', async () => {
    for (const body of [
      { code: 1, message: 2 },
      { code: { toString: 1 }, message: { split: 'x' } },
      { code: null, message: null },
      [],
      'text',
      7,
      { __proto__: null, constructor: 1 },
    ]) {
      const { error } = await failing('status', [json(404, body)], ONE_TRY);
      expect(error).toMatchObject({ name: 'ServiceError', statusCode: 404 });
      expect(error.message).toMatch(/^status: .* \(404\)$/);
    }
  });

  it('that never reads a request is abandoned in time', async () => {
    const { rootUrl } = await webServer(() => undefined);
    const call = queueCalls({ rootUrl, policies: hasty({ retries: 0, timeoutMs: 200 }) });
    const calling = CALLS.createTask(call).catch((error: unknown) => error);
    expect(await Promise.race([calling, sleep(20_000, 'never')])).toMatchObject({ kind: 'unreachable' });
  });
});

it('an honest queue may return a task of the maximum size', async () => {
  const task = { payload: 'x'.repeat(10 * MEGABYTE) };
  const { rootUrl } = await webServer(json(200, { tasks: [task] }));
  expect(await CALLS.claimWork(queueCalls({ rootUrl }))).toEqual({ tasks: [task] });
});

it('an honest queue may return as many such tasks as were requested', async () => {
  const tasks = Array.from({ length: 3 }, () => ({ payload: 'x'.repeat(10 * MEGABYTE) }));
  const { rootUrl } = await webServer(json(200, { tasks }));
  const call = queueCalls({ rootUrl, policies: hasty({ retries: 0 }) });
  const claim = (count: number) =>
    call({ clientId: 'x', accessToken: new Secret('x') }, 'claimWork', 'p/w', {
      workerGroup: 'g',
      workerId: 'w',
      tasks: count,
    });
  await expect(claim(1)).rejects.toMatchObject({ kind: 'unavailable' });
  expect(await claim(3)).toEqual({ tasks });
});
