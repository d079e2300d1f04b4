import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { queueFaultProxy } from '../harness/queue-fault-proxy.ts';
import { waitFor } from '../wait-for.ts';
import { start } from './tcw.ts';
import { queueForWorkers } from './workers.ts';

const SECRET = 'token-that-nobody-may-see';

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tcw-refused-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Runs a worker that is expected to end by itself, without Pulse. */
async function run(rootUrl: string, environment: Readonly<Record<string, string>>, ...flags: string[]) {
  const tasksDir = await folder();
  const words = [
    'run',
    `--root-url=${rootUrl}`,
    '--worker-type=w',
    '--worker-id=w',
    `--tasks-dir=${tasksDir}`,
  ];
  const child = start([...words, ...flags], { environment });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  expect(await readdir(tasksDir)).toEqual([]);
  return { exitCode, stderr };
}

/** A server in the place of a queue. */
async function server(
  answer: (request: IncomingMessage) => { status: number; code: string; message: string },
) {
  const calls: string[] = [];
  const http = createServer((request, response) => {
    calls.push(request.url ?? '');
    request.resume();
    const { status, ...body } = answer(request);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  onTestFinished(() => {
    http.close();
    http.closeAllConnections();
  });
  return { rootUrl: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, calls };
}

describe('credentials that stay invalid end a worker at its start, with one line and 73', () => {
  it.each<[string, Record<string, string>, RegExp]>([
    [
      'a wrong token',
      {},
      /^tcw: the queue refuses the credentials of worker; correct clientId and accessToken: /,
    ],
    ['an unknown client', { TCW_CLIENT_ID: 'nobody' }, /^tcw: the queue refuses the credentials of nobody; /],
    [
      'a certificate that is not for them',
      {
        TCW_CERTIFICATE: JSON.stringify({
          version: 1,
          scopes: [],
          start: 0,
          expiry: 1,
          seed: 's'.repeat(44),
          signature: SECRET,
        }),
      },
      /^tcw: the queue refuses .*, or renew the certificate: /,
    ],
  ])('%s', async (_, environment, line) => {
    const here = await queueForWorkers();
    onTestFinished(() => here.close());
    const { TCW_CLIENT_ID: clientId = 'worker', ...rest } = environment;
    const ended = await run(
      here.local.rootUrl,
      { TCW_ACCESS_TOKEN: SECRET, ...rest },
      `--client-id=${clientId}`,
      '--log-level=error',
    );
    expect(ended.exitCode).toBe(73);
    expect(ended.stderr).toMatch(line);
    expect(ended.stderr.trim().split('\n')).toHaveLength(1);
    expect(ended.stderr).not.toContain(SECRET);
  });

  it.each([
    ['that is not JSON', SECRET, 'is not JSON'],
    ['that is a list', `["${SECRET}"]`, 'is not a JSON object'],
    ['that is null', 'null', 'is not a JSON object'],
    ['that is half', `{"version": 1, "seed": "${SECRET}"}`, 'lacks start, expiry, signature, scopes'],
    [
      'with text for numbers',
      `{"version":1,"scopes":[],"start":"1","expiry":2,"seed":"s","signature":"${SECRET}"}`,
      'lacks start',
    ],
  ])('a certificate %s, before the first call', async (_, certificate, problem) => {
    const { rootUrl, calls } = await server(() => ({
      status: 500,
      code: 'InternalServerError',
      message: 'x',
    }));
    const environment = { TCW_ACCESS_TOKEN: SECRET, TCW_CERTIFICATE: certificate };
    const ended = await run(rootUrl, environment, '--client-id=worker', '--log-level=error');
    expect(ended).toMatchObject({
      exitCode: 73,
      stderr: expect.stringContaining(`certificate ${problem}`) as string,
    });
    expect(ended.stderr.trim().split('\n')).toHaveLength(1);
    expect(ended.stderr).not.toContain(SECRET);
    expect(calls).toEqual([]);
  });

  it('even if the first calls failed, and only the worker itself notices', async () => {
    let count = 0;
    const { rootUrl } = await server(() =>
      ++count <= 2
        ? { status: 500, code: 'InternalServerError', message: 'out of order' }
        : { status: 401, code: 'AuthenticationFailed', message: 'Unauthorized: Bad mac' },
    );
    const ended = await run(rootUrl, { TCW_ACCESS_TOKEN: SECRET }, '--client-id=worker');
    expect(ended.exitCode).toBe(73);
    expect(ended.stderr.trim().split('\n').at(-1)).toMatch(
      /^tcw: the queue refuses .*: Unauthorized: Bad mac \(401\)$/,
    );
    expect(ended.stderr).not.toMatch(/stack|\n {4}at /);
  });
});

describe('a worker with a problem that can be fixed meanwhile', () => {
  it('reports which scopes it lacks, and works after they were added', async () => {
    const here = await queueForWorkers();
    const proxy = await queueFaultProxy(here.local.rootUrl);
    onTestFinished(async () => {
      await here.close();
      await proxy.close();
    });
    // The queue's own words: the account of this worker is for another pool.
    const other = here.start('--worker-type=another');
    await other.says('the queue does not let this worker ask: add the missing scopes to its client', {
      level: 'warn',
      error: expect.stringContaining('queue:claim-work:test/another') as string,
    });
    expect(other.child.exitCode).toBeNull();

    const rule = proxy.fault('claimWork', { kind: 'status', status: 403 });
    const worker = here.start(`--root-url=${proxy.rootUrl}`);
    await rule.first;
    rule.lift();
    await here.reaches(await here.create('true'), 'completed');
    expect(worker.child.exitCode).toBeNull();
  });

  it('continues while only its clock is wrong', async () => {
    const here = await queueForWorkers();
    onTestFinished(() => here.close());
    const { rootUrl } = await server(() => ({
      status: 401,
      code: 'AuthenticationFailed',
      message: 'Unauthorized: Stale timestamp',
    }));
    const worker = here.start(`--root-url=${rootUrl}`);
    await worker.says('the queue refuses calls because of the time: set the clock of this machine', {
      level: 'warn',
    });
    await sleep(1_000);
    expect(worker.child.exitCode).toBeNull();
  });

  it('warns once about a 401 that starts later, in a readable line', async () => {
    const here = await queueForWorkers();
    const proxy = await queueFaultProxy(here.local.rootUrl);
    onTestFinished(async () => {
      await here.close();
      await proxy.close();
    });
    const worker = here.start(`--root-url=${proxy.rootUrl}`);
    await here.reaches(await here.create('true'), 'completed');
    const rule = proxy.fault('claimWork', { kind: 'status', status: 401 });
    const refusals = () => worker.lines().filter(({ msg }) => msg.includes('refuses the credentials'));
    await waitFor(() => {
      expect(refusals().length).toBeGreaterThanOrEqual(3);
    });
    expect(refusals().filter(({ level }) => level === 'warn')).toHaveLength(1);
    for (const line of refusals()) {
      expect(JSON.stringify(line)).not.toContain('stack');
      expect(Number.isInteger(line.waitMs)).toBe(true);
    }
    rule.lift();
    await here.reaches(await here.create('true'), 'completed');
  });
});

it('a token is not refused while the queue is unreachable', async () => {
  const here = await queueForWorkers();
  onTestFinished(() => here.close());
  const worker = here.start('--root-url=http://127.0.0.1:1', `--worker-id=w-${randomUUID().slice(0, 8)}`);
  await worker.says('could not claim work', { level: 'warn' });
  expect(worker.child.exitCode).toBeNull();
  expect(JSON.stringify(worker.lines())).not.toContain('stack');
});
