import { once } from 'node:events';
import { open } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../src/base/index.ts';
import type { Queue } from '../../src/taskcluster/index.ts';
import { waitFor } from '../wait-for.ts';
import { deployment, sh, type Deployment } from './deployment.ts';

const LIVE = 'public/logs/live.log';

let here: Deployment;

beforeEach(async () => {
  here = await deployment();
});

afterEach(() => here.close());

/** Starts a task that executes shell commands from the test until it is told to exit. */
async function obedientTask(folder: string) {
  const taskId = await here.createTask(
    sh(`mkfifo ${folder}/words && chmod 666 ${folder}/words && exec sh < ${folder}/words`),
  );
  // The task creates the FIFO, so this waits for the task.
  await here.running(taskId);
  const words = await waitFor(() => open(join(folder, 'words'), 'r+'));
  return {
    taskId,
    does: (command: string) => words.write(`${command}\n`),
    ends: async () => {
      await words.write('exit\n');
      await here.resolved(taskId);
      await words.close();
    },
  };
}

/** The URL that a browser opens from the web UI, without credentials. */
const artifactUrl = (taskId: string) =>
  `${here.rootUrl}/api/queue/v1/task/${taskId}/runs/0/artifacts/${encodeURIComponent(LIVE)}`;

/** The URL of the live log's server. */
async function liveUrl(taskId: string): Promise<string> {
  return waitFor(async () => {
    const answer = await fetch(artifactUrl(taskId), { redirect: 'manual' });
    expect(answer.status).toBe(303);
    return answer.headers.get('location') ?? '';
  });
}

const typeOf = async (taskId: string) =>
  (await here.artifacts(taskId)).find(({ name }) => name === LIVE)?.storageType;

/** Starts a reader, and shows what it has received so far. */
async function follow(url: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { headers });
  let got = '';
  const ended = (async () => {
    for await (const chunk of response.body ?? []) got += Buffer.from(chunk).toString();
  })();
  ended.catch(() => undefined);
  return { response, got: () => got, ended };
}

it('is available under its artifact while the task runs, which is a link to the log afterwards', async () => {
  const { tasksDir } = await here.startWorker({ publicIP: '127.0.0.1' });
  const task = await obedientTask(tasksDir);
  expect(await liveUrl(task.taskId)).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/log\//);
  expect(await typeOf(task.taskId)).toBe('reference');

  const one = await follow(artifactUrl(task.taskId));
  expect(one.response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(one.response.headers.get('access-control-allow-origin')).toBe('*');
  expect(one.response.headers.get('x-content-type-options')).toBe('nosniff');
  await task.does('echo one-$((1 + 1))');
  await waitFor(() => {
    expect(one.got()).toMatch(/=== Task Starting ===\n[^]*one-2\n/);
  });
  const two = await follow(artifactUrl(task.taskId));
  await task.does('echo two-$((2 + 2))');
  await waitFor(() => {
    for (const { got } of [one, two]) expect(got()).toContain('one-2\ntwo-4\n');
  });

  await task.ends();
  await Promise.all([one.ended, two.ended]);
  const log = await here.log(task.taskId);
  expect(log).toContain('=== Task Finished ===');
  expect([one.got(), two.got()]).toEqual([log, log]);
  expect(await typeOf(task.taskId)).toBe('link');
});

it('can be read in part with Range', async () => {
  const { tasksDir } = await here.startWorker({ publicIP: '127.0.0.1' });
  const task = await obedientTask(tasksDir);
  const url = await liveUrl(task.taskId);
  await task.does('echo some text');
  const all = await follow(url);
  await waitFor(() => {
    expect(all.got()).toMatch(/some text\n$/);
  });
  const { length } = all.got();

  const last = await follow(url, { Range: 'bytes=-5' });
  expect(last.response.status).toBe(206);
  expect(last.response.headers.get('content-range')).toBe(`bytes ${length - 5}-9007199254740991/*`);
  const first = await follow(url, { Range: 'bytes=1-11' });
  expect(first.response.headers.get('content-range')).toBe('bytes 1-11/*');
  expect(first.response.headers.get('content-length')).toBe('11');
  await first.ended;
  expect(first.got()).toBe('taskcluster');
  // A reader that lost its connection continues at the same position.
  const rest = await follow(url, { Range: `bytes=${length}-` });
  expect(rest.response.status).toBe(206);
  const outside = await fetch(url, { headers: { Range: `bytes=${length + 1}-` } });
  expect([outside.status, outside.headers.get('content-range')]).toEqual([416, `bytes */${length}`]);
  expect((await fetch(url, { headers: { Range: 'lines=1-' } })).status).toBe(200);

  const head = await fetch(url, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
  expect((await fetch(url, { method: 'PUT', body: 'mine' })).status).toBe(405);

  await task.ends();
  await Promise.all([last.ended, rest.ended]);
  const log = await here.log(task.taskId);
  expect(last.got()).toBe(log.slice(length - 5));
  expect(rest.got()).toBe(log.slice(length));
});

it('is redacted like the log', async () => {
  // As if a task had obtained a secret of the worker.
  const livelogSecret = new Secret('shared-with-the-dns-server');
  const { tasksDir } = await here.startWorker({
    publicIP: '127.0.0.1',
    livelogSecret,
    subdomain: 'example.com',
  });
  const task = await obedientTask(tasksDir);
  const url = new URL(await liveUrl(task.taskId));
  expect(url.hostname).toMatch(/^[a-z2-7]{48}\.example\.com$/);
  url.hostname = '127.0.0.1';
  const reader = await follow(url.href);
  await task.does('echo this is shared-with-the-dns-server, done-$((1 + 2))');
  await waitFor(() => {
    expect(reader.got()).toContain('done-3');
  });
  expect(reader.got()).toContain('this is [redacted], done-3');
  await task.ends();
  await reader.ended;
  expect(reader.got()).toBe(await here.log(task.taskId));
});

it('sends a slow reader the rest after the task has ended and its folder is gone', async () => {
  const worker = await here.startWorker({ publicIP: '127.0.0.1' });
  const task = await obedientTask(worker.tasksDir);
  const request = http.get(await liveUrl(task.taskId));
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.pause();
  await task.does("head -c 30000000 /dev/zero | tr '\\0' x; echo");
  await task.ends();
  await waitFor(() => {
    expect(worker.events.at(-1)).toMatchObject({ type: 'run', state: { phase: 'resolved' } });
  });
  let got = '';
  for await (const chunk of response) got += String(chunk);
  expect(got === (await here.log(task.taskId))).toBe(true);
  expect(got.length).toBeGreaterThan(30_000_000);
});

it('does not delay the end of the worker', async () => {
  const worker = await here.startWorker({ publicIP: '127.0.0.1' });
  const task = await obedientTask(worker.tasksDir);
  const request = http.get(await liveUrl(task.taskId));
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.pause();
  await task.does("head -c 30000000 /dev/zero | tr '\\0' x; echo");
  await task.ends();
  worker.shutdown('finish');
  await worker.ended;
  // The reader can detect that the log is incomplete.
  await expect(
    (async () => {
      for await (const chunk of response) expect(chunk).toBeDefined();
    })(),
  ).rejects.toThrow('aborted');
});

describe('there is no live log', () => {
  const typesOf = async (taskId: string) =>
    (await here.artifacts(taskId)).map(({ name, storageType }) => [name, storageType]);

  it('if the worker is not reachable, which it logs', async () => {
    const worker = await here.startWorker();
    const taskId = await here.createTask(sh('sleep 1'));
    await here.running(taskId);
    expect(await typeOf(taskId)).toBeUndefined();
    expect(worker.events.map(({ type }) => type)).toContain('no-live-logs');
    await here.resolved(taskId);
    expect(await typeOf(taskId)).toBe('link');
  });

  it('if the pool or the task disables it', async () => {
    const worker = await here.startWorker({ publicIP: '127.0.0.1', enableLiveLog: false });
    const forbidden = await here.createTask(sh('sleep 1'));
    await here.running(forbidden);
    expect(await typeOf(forbidden)).toBeUndefined();
    await here.resolved(forbidden);
    worker.shutdown('finish');
    await worker.ended;

    await here.startWorker({ publicIP: '127.0.0.1' });
    const unwanted = await here.createTask({ ...sh('true'), features: { liveLog: false } });
    await here.resolved(unwanted);
    expect(await typesOf(unwanted)).toEqual([['public/logs/live_backing.log', 's3']]);
  });
});

describe('a task completes', () => {
  it('even if its live log cannot be served', async () => {
    const other = net.createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port: livelogExposePort } = other.address() as net.AddressInfo;
    const worker = await here.startWorker({ publicIP: '127.0.0.1', livelogExposePort });
    const taskId = await here.createTask(sh('true'));
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    other.close();
    expect(await typeOf(taskId)).toBe('link');
    expect(worker.events.map(({ type }) => type)).toContain('live-log-failed');
  });

  it('at once, even if the queue does not accept the reference', async () => {
    const asked = Promise.withResolvers<void>();
    let commandsEndedFirst = false;
    const worker = await here.startWorker(
      { publicIP: '127.0.0.1' },
      {
        watch: queue =>
          withReference(queue, async () => {
            asked.resolve();
            await waitFor(() => {
              const phases = worker.events.map(event => event.type === 'run' && event.state.phase);
              expect(phases).toContain('uploading');
            });
            commandsEndedFirst = true;
            throw new Error('the queue is not in the mood');
          }),
      },
    );
    const taskId = await here.createTask(sh('true'));
    await asked.promise;
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    expect(commandsEndedFirst).toBe(true);
    expect(await typeOf(taskId)).toBe('link');
  });

  it('with a link, even if the reference is created late', async () => {
    const worker = await here.startWorker(
      { publicIP: '127.0.0.1' },
      {
        watch: queue =>
          withReference(queue, () =>
            waitFor(() => {
              const phases = worker.events.map(event => event.type === 'run' && event.state.phase);
              expect(phases).toContain('uploading');
            }),
          ),
      },
    );
    const taskId = await here.createTask(sh('true'));
    await here.resolved(taskId);
    expect(await typeOf(taskId)).toBe('link');
  });
});

/** Wraps a queue so that something happens before each artifact reference is created. */
function withReference(queue: Queue, before: () => Promise<void>): Queue {
  return {
    ...queue,
    forRun: claim => {
      const calls = queue.forRun(claim);
      return Object.create(calls, {
        createArtifact: {
          value: async (...[name, request, signal]: Parameters<typeof calls.createArtifact>) => {
            if (request.storageType === 'reference') await before();
            return calls.createArtifact(name, request, signal);
          },
        },
      }) as typeof calls;
    },
  };
}
