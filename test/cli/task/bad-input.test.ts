import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tcw } from '../tcw.ts';
import { oneLine, shell, taskSession } from './session.ts';

const session = taskSession();
const UNKNOWN = 'A1cdEfghSTe_CDEFGHIJKg';
const FILE = 'examples/hello.json';

/** Runs `tcw task` as somebody whose environment differs from what `tcw dev` prints. */
const taskIn = (change: Record<string, string | undefined>, ...words: string[]) => {
  const environment = Object.entries({ ...session.environment(), ...change }).filter(
    ([, value]) => value !== undefined,
  );
  return tcw(['task', ...words], { environment: Object.fromEntries(environment) as Record<string, string> });
};

it.each<[string[], number, string]>([
  [['satus', UNKNOWN], 64, 'unknown command satus; did you mean status?'],
  [['cancle', UNKNOWN], 64, 'unknown command cancle; did you mean cancel?'],
  [['log', UNKNOWN, '--rn', '1'], 64, 'unknown option --rn; did you mean --run?'],
  [['submit', FILE, '--folow'], 64, 'unknown option --folow; did you mean --follow?'],
  [['artifacts', UNKNOWN, '--downlod', 'x'], 64, 'unknown option --downlod; did you mean --download?'],
  [['log'], 64, 'the argument <taskId> is missing'],
  [['submit'], 64, 'the argument <file> is missing'],
  [['log', ''], 64, '"" is not a task ID'],
  [['status', 'hello.json'], 64, '"hello.json" is not a task ID'],
  [['status', UNKNOWN, UNKNOWN], 64, 'too many arguments'],
  [['log', UNKNOWN, '--run'], 64, '-r, --run <number> needs a value'],
  [['log', UNKNOWN, '--run', 'last'], 64, 'It must be a whole number from 0'],
  [['log', UNKNOWN, '--run', '-1'], 64, 'It must be a whole number from 0'],
  [['log', UNKNOWN, '--run', '0', '--run', '1'], 64, '--run is given more than once'],
  [
    ['log', UNKNOWN, '--root-url', 'http://a', '--root-url', 'http://b'],
    64,
    '--root-url is given more than once',
  ],
  [['log', UNKNOWN, '--root-url', ''], 64, '--root-url is empty'],
  [['log', UNKNOWN, '--root-url', 'tc.example.com'], 64, '--root-url is not an http or https URL'],
  [['status', UNKNOWN, '-a', '-r', '0'], 64, '--run and --all-runs exclude each other'],
  [['artifacts', UNKNOWN, '--download', ''], 64, '--download is empty'],
  [['submit', FILE, '--task-queue', 'Linux'], 64, '--task-queue "Linux" is not a task queue'],
  [['submit', FILE, '--task-queue', ''], 64, '--task-queue is empty'],
  [['submit', FILE, '--follow', '--json'], 64, '--follow and --json exclude each other'],
  [['submit', 'missing.json'], 64, 'missing.json cannot be read: there is no such file'],
  [['submit', 'examples'], 64, 'examples cannot be read: it is a directory'],
  [['status', UNKNOWN], 66, `there is no task ${UNKNOWN}`],
  [['log', UNKNOWN], 66, `there is no task ${UNKNOWN}`],
  [['artifacts', UNKNOWN], 66, `there is no task ${UNKNOWN}`],
  [['cancel', UNKNOWN], 66, `there is no task ${UNKNOWN}`],
  [['rerun', UNKNOWN], 66, `there is no task ${UNKNOWN}`],
])('tcw task %j exits with %i', async (words, code, message) => {
  const ended = await taskIn({}, ...words);
  expect(oneLine(ended)).toContain(message);
  expect(ended.exitCode).toBe(code);
});

it('tcw task without a subcommand prints its help as an error', async () => {
  const { exitCode, stdout, stderr } = await tcw(['task']);
  expect([exitCode, stdout]).toEqual([64, '']);
  expect(stderr).toMatch(/^Usage: tcw task/);
});

describe('credentials and the deployment', () => {
  it.each<[string, Record<string, string | undefined>, string[], number, string]>([
    [
      'no deployment',
      { TASKCLUSTER_ROOT_URL: undefined },
      ['status', UNKNOWN],
      64,
      'set TASKCLUSTER_ROOT_URL',
    ],
    [
      'a deployment that is not a URL',
      { TASKCLUSTER_ROOT_URL: 'dev' },
      ['status', UNKNOWN],
      64,
      'TASKCLUSTER_ROOT_URL is not',
    ],
    [
      'half of the credentials',
      { TASKCLUSTER_ACCESS_TOKEN: undefined },
      ['cancel', UNKNOWN],
      64,
      'TASKCLUSTER_ACCESS_TOKEN is not',
    ],
    [
      'the other half',
      { TASKCLUSTER_CLIENT_ID: undefined },
      ['cancel', UNKNOWN],
      64,
      'TASKCLUSTER_CLIENT_ID is not',
    ],
    [
      'a wrong token',
      { TASKCLUSTER_ACCESS_TOKEN: 'wrong-token' },
      ['submit', FILE],
      77,
      'refuses the credentials of dev/user: ',
    ],
    [
      'an unknown client',
      { TASKCLUSTER_CLIENT_ID: 'nobody' },
      ['submit', FILE],
      77,
      'refuses the credentials of nobody: There is no client nobody',
    ],
    ['an invalid certificate', { TASKCLUSTER_CERTIFICATE: 'x' }, ['submit', FILE], 77, 'certificate'],
    [
      'an invalid task queue',
      { TASKCLUSTER_TASK_QUEUE_ID: 'x' },
      ['submit', FILE],
      64,
      'TASKCLUSTER_TASK_QUEUE_ID "x" is not',
    ],
    [
      'no task queue at all',
      { TASKCLUSTER_TASK_QUEUE_ID: undefined },
      ['submit', FILE],
      64,
      'the task names no task queue',
    ],
  ])('%s', async (_, change, words, code, message) => {
    const ended = await taskIn(change, ...words);
    expect(oneLine(ended)).toContain(message);
    expect(ended.exitCode).toBe(code);
    expect(ended.stderr).not.toContain('wrong-token');
  });

  it('the message names the variables if credentials are missing', async () => {
    const change = { TASKCLUSTER_CLIENT_ID: undefined, TASKCLUSTER_ACCESS_TOKEN: undefined };
    const ended = await taskIn(change, 'submit', FILE);
    expect(oneLine(ended)).toMatch(
      /set TASKCLUSTER_CLIENT_ID and TASKCLUSTER_ACCESS_TOKEN \(and TASKCLUSTER_CERTIFICATE/,
    );
    expect(ended.exitCode).toBe(77);
  });

  it('a deployment that does not answer is reported during the retries, and at their end', async () => {
    const { exitCode, stdout, stderr } = await taskIn(
      { TASKCLUSTER_ROOT_URL: 'http://127.0.0.1:1' },
      'status',
      UNKNOWN,
    );
    expect([exitCode, stdout]).toEqual([69, '']);
    expect(stderr.trim().split('\n')).toEqual([
      'tcw: http://127.0.0.1:1 does not answer, trying again: connect ECONNREFUSED 127.0.0.1:1',
      'tcw: http://127.0.0.1:1 does not answer: connect ECONNREFUSED 127.0.0.1:1',
    ]);
  });

  it('a server that is not Taskcluster is refused', async () => {
    const server = createServer((_, response) => response.end('<html>')).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await new Promise(resolve => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const { exitCode, stderr } = await taskIn(
      { TASKCLUSTER_ROOT_URL: `http://127.0.0.1:${port}` },
      'status',
      UNKNOWN,
    );
    expect(exitCode).toBe(69);
    expect(stderr).toContain('the answer is not one of the queue');
  });
});

describe('tasks in the wrong state', () => {
  it('cannot be cancelled or rerun, and one line explains why', async () => {
    const done = await session.dev().create(shell('true'));
    await session.dev().resolved(done);
    const cancelled = await session.task('cancel', done);
    expect(oneLine(cancelled)).toBe(`tcw: task ${done} cannot be cancelled: it is completed already`);
    expect(cancelled.exitCode).toBe(75);
    const missing = await session.task('artifacts', done, 'public/logs/live.lg');
    expect(oneLine(missing)).toContain('did you mean public/logs/live.log?');
    expect(missing.exitCode).toBe(66);
    expect(oneLine(await session.task('log', done, '-r', '3'))).toBe(
      `tcw: task ${done} has no run 3: it has run 0`,
    );

    const running = await session.dev().create(shell('sleep 600'));
    const rerun = await session.task('rerun', running);
    expect(oneLine(rerun)).toMatch(/cannot be rerun: it is (pending|running), not resolved/);
    expect(rerun.exitCode).toBe(75);
    await session.task('cancel', running);
  });

  it('a task that never ran has no log and no artifacts', async () => {
    const other = await session.dev().create(shell('true'), { taskQueueId: 'no/worker' });
    await session.task('cancel', other);
    const log = await session.task('log', other);
    expect(oneLine(log)).toContain(`task ${other} has no log (exception, canceled): it never started`);
    expect(log.exitCode).toBe(66);
  });
});

it('a task that the queue does not accept is reported with its file, and creates nothing', async () => {
  const file = session.workplace().write('refused.json', { priority: 'urgent', payload: shell('true') });
  const ended = await session.task('submit', file);
  expect(ended).toMatchObject({ exitCode: 64, stdout: '' });
  expect(ended.stderr).toMatch(
    /refused\.json: task "refused" is not created: the queue does not accept this: .*priority/,
  );
});
