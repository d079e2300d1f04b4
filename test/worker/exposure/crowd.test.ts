import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { configuredMethod, openExposure, type Exposure } from '../../../src/worker/exposure/index.ts';
import { answerWithLog } from '../../../src/worker/features/live-log/answer.ts';
import { logReaders, type LogReaders } from '../../../src/worker/features/live-log/log-readers.ts';
import { sharedRate } from '../../../src/worker/features/live-log/shared-rate.ts';
import { openTaskLog, type TaskLog } from '../../../src/worker/task-log/task-log.ts';
import { waitFor } from '../../wait-for.ts';
import { workerConfig } from '../unit/worker-config.ts';

let folder: string;
let log: TaskLog;
let readers: LogReaders;
let exposure: Exposure;
let url: URL;
const sockets: net.Socket[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tcw-crowd-'));
  log = await openTaskLog({ folders: [folder], name: 'log', secrets: () => [] });
  readers = logReaders(log, sharedRate(Infinity, 0));
  exposure = openExposure(configuredMethod(workerConfig({ publicIP: '127.0.0.1' })));
  const exposed = await exposure.open('log', {
    request: (request, response) => {
      answerWithLog(request, response, readers);
    },
  });
  url = new URL(exposed.url);
});

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  readers.close();
  await exposure[Symbol.asyncDispose]();
  await log.end();
  await log.remove();
  rmSync(folder, { recursive: true });
});

/** Connects, requests the log, and never reads. */
async function neverReads(): Promise<net.Socket> {
  const socket = net.connect(Number(url.port), '127.0.0.1').pause();
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(`GET ${url.pathname} HTTP/1.1\r\nHost: here\r\n\r\n`);
  return socket;
}

it('keeps little in memory for readers who never read, and others receive everything', async () => {
  const bytes = 50_000_000;
  const line = Buffer.from(`${'x'.repeat(999)}\n`);
  const before = process.memoryUsage().arrayBuffers;
  await Promise.all(Array.from({ length: 200 }, neverReads));
  for (let written = 0; written < bytes; written += line.length * 100) {
    if (!log.output.write(Buffer.concat(Array.from({ length: 100 }, () => line))))
      await once(log.output, 'drain');
  }
  const { body } = await fetch(url);
  let got = 0;
  for await (const chunk of body ?? []) {
    got += chunk.length;
    if (got >= bytes) break;
  }
  expect(got).toBe(bytes);
  // A piece of 64 KiB for each reader, and data in transit. The rest is garbage that has not been collected yet.
  await expect
    .poll(() => {
      collectGarbage();
      return process.memoryUsage().arrayBuffers - before;
    })
    .toBeLessThan(200 * 64 * 1024 + 20_000_000);
});

it('serves 256 readers from one address, and others after some have left', async () => {
  log.info('the beginning');
  const all = await Promise.all(Array.from({ length: 300 }, neverReads));
  // Node reports the end of a connection only to a client that reads.
  for (const socket of all) socket.resume();
  await waitFor(() => {
    expect(all.filter(({ closed }) => !closed)).toHaveLength(256);
  });
  await expect(fetch(url)).rejects.toThrow();
  all.find(({ closed }) => !closed)?.destroy();
  await waitFor(async () => {
    const { status, body } = await fetch(url);
    await body?.cancel();
    expect(status).toBe(200);
  });
});

it('disconnects a client that sends another request before the response has ended', async () => {
  const socket = (await neverReads()).resume();
  socket.write(`GET ${url.pathname} HTTP/1.1\r\nHost: here\r\n\r\n`.repeat(100));
  await waitFor(() => {
    expect(socket.closed).toBe(true);
  });
});
