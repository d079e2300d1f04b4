import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReplaySubject } from 'rxjs';
import { expect, it, onTestFinished } from 'vitest';
import { logEvent } from '../../src/cli/run/worker-log.ts';
import { Secret } from '../../src/pulse/index.ts';
import { connectQueue } from '../../src/taskcluster/index.ts';
import { configDefaults, startWorker, type WorkerEvent } from '../../src/worker/index.ts';
import { CLAIMED_TASK_ID, claimAnswer } from '../taskcluster/claim-answer.ts';
import { json, webServer, type Answer } from '../taskcluster/web-server.ts';
import { waitFor } from '../wait-for.ts';

const GOOD_TASK_ID = 'A1cdEfghSTe_CDEFGHIJKg';
const LOG = 'public/logs/live_backing.log';

type ClaimAnswer = ReturnType<typeof claimAnswer>;

/** A worker with one slot, and a made-up queue that gives it these claims, one after the other, and then no more. */
async function worker(claims: readonly unknown[], { putUrl }: { putUrl?: unknown } = {}) {
  const left = [...claims];
  let rootUrl = '';
  const answer: Answer = (response, request) => {
    const url = request.url ?? '';
    if (url.startsWith('/bucket')) response.end();
    else if (url.includes('/claim-work/')) json(200, { tasks: left.splice(0, 1) })(response, request);
    else if (url.includes('/artifacts/')) {
      const expires = '2030-01-01T00:00:00.000Z';
      const place = putUrl === undefined ? `${rootUrl}/bucket/x` : putUrl;
      json(200, { storageType: 's3', contentType: 'x', expires, putUrl: place })(response, request);
    } else json(200, { status: {} })(response, request);
  };
  const server = await webServer(answer);
  ({ rootUrl } = server);
  const tasksDir = await mkdtemp(join(tmpdir(), 'tcw-test-'));
  const credentials = { clientId: 'worker', accessToken: new Secret('token-of-worker') };
  const names = { workerGroup: 'g', workerId: 'i' };
  const logged: string[] = [];
  const keep = (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const events$ = new ReplaySubject<WorkerEvent>();
  const queue = connectQueue({
    rootUrl,
    credentials,
    taskQueueId: 'p/w',
    ...names,
    onUnreadable: keep.bind(null, {}),
  });
  const config = {
    ...configDefaults(),
    rootURL: rootUrl,
    ...credentials,
    provisionerId: 'p',
    workerType: 'w',
    ...names,
    tasksDir,
    killGraceSecs: 1,
  };
  events$.subscribe(item => {
    logEvent(item, { debug: keep, info: keep, warn: keep, error: keep });
  });
  const worker = startWorker({ config, queue, version: 'test', random: () => 0 });
  worker.events$.subscribe(events$);
  onTestFinished(async () => {
    worker.drain('now');
    await worker.done;
    expect(await readdir(tasksDir).then(names => names.filter(name => !name.startsWith('.')))).toEqual([]);
    await rm(tasksDir, { recursive: true, force: true });
  });
  const reports = () =>
    server.requests
      .filter(({ url }) => /\/(completed|failed|exception)$/.test(url))
      .map(({ url, body }) => {
        const [, taskId, how] = /task\/([^/]+)\/runs\/\d+\/(\w+)$/.exec(url) ?? [];
        return `${taskId} ${how} ${body}`.trim();
      });
  return { requests: server.requests, reports, logged };
}

function task(change: object = {}, times: object = {}): ClaimAnswer {
  const now = Date.now();
  const at = (ms: number) => new Date(now + ms).toISOString();
  const claim = claimAnswer(at(1_200_000));
  return {
    ...claim,
    ...times,
    status: {
      ...claim.status,
      deadline: at(3_600_000),
      runs: claim.status.runs.map(run => ({ ...run, started: at(0) })),
    },
    task: {
      ...claim.task,
      created: at(0),
      deadline: at(3_600_000),
      expires: at(7_200_000),
      payload: { command: [['true']], maxRunTime: 60 },
      ...change,
    },
  };
}

/** After whatever came before, a good task runs as ever. */
function good(): ClaimAnswer {
  const claim = task();
  return { ...claim, status: { ...claim.status, taskId: GOOD_TASK_ID } };
}

const deep = (depth: number) => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`) as unknown;

it.each<[string, ClaimAnswer, string]>([
  [
    'that is nested 5,000 deep',
    task({ payload: { command: [['true']], maxRunTime: 60, deep: deep(5_000) } }),
    'malformed-payload',
  ],
  ['with a NUL in its command', task({ payload: { command: [['tr\0ue']], maxRunTime: 60 } }), 'failed'],
  [
    'with a NUL in a variable',
    task({ payload: { command: [['true']], maxRunTime: 60, env: { A: 'b\0' } } }),
    'malformed-payload',
  ],
  [
    'of another prototype',
    task({ payload: JSON.parse('{"command":[["true"]],"maxRunTime":60,"__proto__":{"a":1}}') as object }),
    'malformed-payload',
  ],
])('a task %s affects only its own run', async (_, odd, reason) => {
  const { reports } = await worker([odd, good()]);
  const how = reason === 'failed' ? 'failed' : `exception {"reason":"${reason}"}`;
  await waitFor(() => {
    expect(reports()).toEqual([`${CLAIMED_TASK_ID} ${how}`, `${GOOD_TASK_ID} completed`]);
  });
});

it('100,000 invalid artifacts are refused without blocking the worker', async () => {
  const artifacts = Array.from({ length: 100_000 }, (_, index) => ({ nothing: index }));
  const odd = task({ payload: { command: [['true']], maxRunTime: 60, artifacts, osGroups: artifacts } });
  const { reports } = await worker([odd, good()]);
  await waitFor(() => {
    expect(reports()).toEqual([
      `${CLAIMED_TASK_ID} exception {"reason":"malformed-payload"}`,
      `${GOOD_TASK_ID} completed`,
    ]);
  });
});

it.each<[string, object]>([
  ['until yesterday', { takenUntil: new Date(Date.now() - 86_400_000).toISOString() }],
  ['until the first of all years', { takenUntil: '0001-01-01T00:00:00.000Z' }],
])('a claim that lasts %s ends at once, and the next one runs', async (_, times) => {
  const { reports } = await worker([task({}, times), good()]);
  await waitFor(() => {
    expect(reports()).toContain(`${GOOD_TASK_ID} completed`);
  });
});

it('a claim that lasts until the year 9999 runs like any other', async () => {
  const { reports } = await worker([task({}, { takenUntil: '9999-12-31T23:59:59.999Z' }), good()]);
  await waitFor(() => {
    expect(reports()).toEqual([`${CLAIMED_TASK_ID} completed`, `${GOOD_TASK_ID} completed`]);
  });
});

it('a claim whose certificate is not JSON affects only its own run', async () => {
  const odd = task({}, { credentials: { clientId: 'x', accessToken: 'y', certificate: 'z' } });
  const { reports } = await worker([odd, good()]);
  await waitFor(() => {
    expect(reports()).toEqual([`${GOOD_TASK_ID} completed`]);
  });
});

it.each(['file:///etc/passwd', 'unix:/run/docker.sock', 'no URL', 7, null])(
  'the upload URL %j is refused in one line, and the worker continues',
  async putUrl => {
    const { reports, requests, logged } = await worker([task(), good()], { putUrl });
    await waitFor(() => {
      expect(reports()).toHaveLength(2);
    });
    expect(requests.filter(({ url }) => url.includes(encodeURIComponent(LOG)))).not.toEqual([]);
    expect(logged.join('\n')).toContain('the queue returned no http or https URL for the upload');
  },
);
