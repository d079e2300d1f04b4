import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { startLocalQueue } from '../../../src/local/index.ts';
import { crashReports } from '../../../src/pool/crash-reports/index.ts';
import type { PoolProblem } from '../../../src/pool/index.ts';
import { Secret } from '../../../src/pulse/index.ts';
import { configDefaults, LiveSecrets, type WorkerConfig } from '../../../src/worker/index.ts';
import { claimAfter } from '../claim.ts';
import { sentryServer } from './sentry-server.ts';

const TOKEN = 'access+token/of-the-worker==';
const PULSE = 'p%40ssword-of-pulse';

async function reporter(
  given: { dsn?: string; scopes?: string[]; config?: Partial<WorkerConfig>; longestMs?: number } = {},
) {
  const local = await startLocalQueue({
    publish: () => Promise.resolve(),
    clients: [
      {
        clientId: 'worker',
        accessToken: new Secret(TOKEN),
        scopes: given.scopes ?? ['auth:sentry:generic-worker'],
      },
    ],
    ...(given.dsn !== undefined && { sentryDsns: { 'generic-worker': given.dsn } }),
  });
  onTestFinished(() => local.close());
  const config: WorkerConfig = {
    ...configDefaults(),
    rootURL: local.rootUrl,
    clientId: 'worker',
    accessToken: new Secret(TOKEN),
    pulseUrl: new Secret(`amqps://worker:${PULSE}@pulse.example:5671/`),
    certificate: new Secret('{"version":1,"signature":"signature-of-certificate="}'),
    workerType: 'w',
    workerId: 'i-1',
    ...given.config,
  };
  // Its calls are made with permanent credentials.
  const permanent = { clientId: 'worker', accessToken: new Secret(TOKEN) };
  const credentials = () => permanent;
  const secrets = new LiveSecrets();
  secrets.addAllOf(config);
  const problems: PoolProblem[] = [];
  const logged: string[] = [];
  const reports = crashReports({
    config,
    version: '1.2.3',
    host: {
      credentials,
      reportError: async problem => {
        problems.push(problem);
      },
    },
    secrets,
    log: (fields, message) => logged.push(`${message} ${JSON.stringify(fields)}`),
    ...(given.longestMs !== undefined && { longestMs: given.longestMs }),
  });
  return { reports, problems, logged, secrets };
}

it('a crash is reported to Sentry, with its causes, and to the owner of the pool', async () => {
  const { dsn, taken } = await sentryServer();
  const { reports, problems, logged } = await reporter({ dsn });
  const cause = Object.assign(new TypeError('the disk is gone'), { code: 'EIO' });
  await reports.crashed(new Error('no claim', { cause }));
  const [event] = taken;
  expect(event?.path).toBe('/sub/api/7/envelope/');
  expect(event?.parts[2]).toMatchObject({
    platform: 'node',
    level: 'fatal',
    release: 'tcw@1.2.3',
    server_name: 'i-1',
    tags: { workerPoolId: 'test-provisioner/w', engine: 'native', capacity: '1' },
    exception: {
      values: [
        { type: 'TypeError', value: 'EIO: the disk is gone' },
        {
          type: 'Error',
          value: 'no claim',
          stacktrace: {
            frames: expect.arrayContaining([
              expect.objectContaining({ filename: expect.stringContaining('crash-reports.test.ts') }),
            ]),
          },
        },
      ],
    },
  });
  expect(problems).toEqual([
    {
      kind: 'worker-error',
      title: 'tcw error',
      description: 'Error: no claim\ncaused by TypeError: EIO: the disk is gone',
      extra: expect.objectContaining({ workerId: 'i-1', event: event?.parts[0]?.event_id }),
    },
  ]);
  expect(logged).toEqual([`reported to Sentry {"event":"${String(event?.parts[0]?.event_id)}"}`]);
});

it('contains no secret', async () => {
  const { dsn, taken } = await sentryServer();
  const { reports, problems, logged, secrets } = await reporter({ dsn });
  const run = secrets.forRun();
  run.hide(new Secret('variable-of-a-task'));
  const known = [
    TOKEN,
    encodeURIComponent(TOKEN),
    Buffer.from(`worker:${TOKEN}`).toString('base64'),
    PULSE,
    'p@ssword-of-pulse',
    'signature-of-certificate=',
    'variable-of-a-task',
  ];
  // No list has these: they are known by where they stand.
  const unknown = [
    'unknown-token-1',
    'unknown-token-2',
    'unknown-token-3',
    'unknown-token-4',
    'unknown-token-5',
    'unknown-token-6',
  ];
  const [one = '', two = '', three = '', four = '', five = '', six = ''] = unknown;
  const everywhere = known.join(' ');
  const fields = {
    token: everywhere,
    headers: { authorization: `Hawk id="worker", mac="${one}"` },
    config: { accessToken: two },
    request: { url: `https://x/?bewit=${three}`, body: Buffer.from(everywhere) },
  };
  const inner = Object.assign(new Error(`in ${everywhere} of the cause`), fields);
  inner.stack = `Error: ${everywhere}\n    at ${TOKEN} (file:///srv/${PULSE}/a.js:1:2)\n    at f (/srv/b.js:3:4)`;
  const others = [
    new Error(`PUT https://bucket.example/key?X-Amz-Signature=${three} failed`),
    new Error(`{"accessToken":"${two}","password": '${four}'} authorization: Hawk id="w", mac="${one}"`),
    new Error(`connect amqps://someone:p@${five}@pulse.example`),
    new Error(`clone https://${six}@github.com/a/b`),
    { message: everywhere },
    everywhere,
    new Error('x'.repeat(8_180) + TOKEN),
  ];
  const aggregate = new AggregateError(others, `all of ${everywhere}`, { cause: inner });
  aggregate.name = `Error ${PULSE}`;
  await reports.crashed(Object.assign(aggregate, fields));
  reports.see({ type: 'run-broke', claim: claimAfter(0), err: aggregate });
  await reports.settled();
  // By then the worker knows the DSN.
  await reports.cannotWork(`${dsn} secret-key-of-sentry`);
  await reports.cannotWork(`cannot start with ${everywhere} https://x/?bewit=${three}`);
  await reports.settled();
  expect(taken).toHaveLength(2);
  expect(problems).toHaveLength(4);
  const all = [...taken.map(({ body }) => body), JSON.stringify(problems), ...logged].join('\n');
  for (const secret of [...known, ...unknown, 'secret-key-of-sentry']) expect(all).not.toContain(secret);
  // Nor a part of one, where a text was cut.
  expect(all).not.toContain(TOKEN.slice(0, 10));
  // And what is worth knowing is there.
  expect(all).toContain('bucket.example/key?[redacted]');
  expect(all).toContain('/srv/b.js');
});

it.each(['a.', 'a://', 'token=', 'basic '])('a long message of %j does not block the worker', async piece => {
  const { reports, problems } = await reporter({ config: { sentryProject: '' } });
  const before = performance.now();
  await reports.crashed(new Error(`${piece.repeat(50_000)} https://x/?bewit=hidden`));
  expect(performance.now() - before).toBeLessThan(3_000);
  expect(problems).toHaveLength(1);
});

it.each([
  ['no message', Object.assign(new Error('x'), { message: undefined })],
  ['an object as its message', Object.assign(new Error('x'), { message: { TOKEN }, code: 'EODD' })],
  ['a number as its stack', Object.assign(new Error('x'), { stack: 7 })],
  ['a number as its parts', Object.assign(new AggregateError([], 'x'), { errors: 7 })],
])('reports an error with %s', async (_, error) => {
  const { reports, problems } = await reporter({ config: { sentryProject: '' } });
  await reports.crashed(error);
  expect(problems).toMatchObject([{ description: expect.stringMatching(/^(Aggregate)?Error: /) }]);
  expect(JSON.stringify(problems)).not.toContain(TOKEN);
});

it('redacts the key of Sentry from then on', async () => {
  const dsn = 'http://public-key-1@127.0.0.1:1/7';
  const { reports, secrets } = await reporter({ dsn });
  await reports.crashed(new Error('any'));
  expect(secrets.hideInJson('"Sentry sentry_key=public-key-1"')).toBe('"Sentry sentry_key=[redacted]"');
});

it('reports a run that failed by a bug of the worker, with a limit for many', async () => {
  const { dsn, taken } = await sentryServer();
  const { reports } = await reporter({ dsn });
  const claim = claimAfter(0);
  for (let i = 0; i < 30; i++) reports.see({ type: 'run-broke', claim, err: new Error('mistake') });
  await reports.settled();
  expect(taken).toHaveLength(10);
  expect(taken[0]?.parts[2]).toMatchObject({ level: 'error', tags: { taskId: claim.taskId, runId: '0' } });
});

it('a deployment without Sentry (404) leads to one line in the log', async () => {
  const { reports, problems, logged } = await reporter();
  await reports.crashed(new Error('x'));
  expect(logged).toEqual(['the deployment has no Sentry {}']);
  expect(problems).toHaveLength(1);
});

it('an empty sentryProject makes no call', async () => {
  const { reports, logged } = await reporter({ config: { sentryProject: '' }, scopes: [] });
  await reports.crashed(new Error('x'));
  expect(logged).toEqual([]);
});

it.each([
  ['a missing scope', { scopes: [] }, 'could not report to Sentry'],
  ['an invalid DSN', { dsn: 'https://key-without-project@sentry.example/' }, 'unreadable'],
  ['an unreachable DSN', { dsn: 'http://key:secret@127.0.0.1:1/7' }, 'ECONNREFUSED'],
])('%s is logged', async (_, given, message) => {
  const { reports, problems, logged } = await reporter(given);
  await reports.crashed(new Error('x'));
  expect(logged.join()).toContain(message);
  expect(logged.join()).not.toContain('key-without-project');
  expect(problems).toHaveLength(1);
});

it('an event that Sentry refuses is logged', async () => {
  const { dsn } = await sentryServer(429);
  const { reports, logged } = await reporter({ dsn });
  await reports.crashed(new Error('x'));
  expect(logged).toEqual(['could not report to Sentry {"error":"Sentry answered 429"}']);
});

it('respects its time limit if nobody answers', async () => {
  const silent: Server = createServer(() => undefined).listen(0, '127.0.0.1');
  onTestFinished(() => void silent.close());
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const { reports, logged } = await reporter({ dsn: `http://k:s@127.0.0.1:${port}/7`, longestMs: 1_000 });
  await reports.crashed(new Error('x'));
  expect(logged).toEqual(['could not report to Sentry {"error":"it took too long"}']);
});

it.each([
  undefined,
  null,
  'a word',
  7,
  Symbol('s'),
  { toString: () => 'secret of an object' },
  Object.create(null),
])('reports %s, which is not an Error', async thrown => {
  const { dsn, taken } = await sentryServer();
  const { reports } = await reporter({ dsn });
  await reports.crashed(thrown);
  expect(taken).toHaveLength(1);
  expect(taken[0]?.body).not.toContain('secret of an object');
  expect(taken[0]?.parts[2]).toMatchObject({ exception: { values: [{ type: typeof thrown }] } });
});

it('circular causes end', async () => {
  const { dsn, taken } = await sentryServer();
  const { reports } = await reporter({ dsn });
  const error = new Error('round');
  error.cause = error;
  await reports.crashed(error);
  expect(taken[0]?.parts[2]).toMatchObject({ exception: { values: [{ value: 'round' }] } });
});
