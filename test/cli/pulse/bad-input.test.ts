import { describe, expect, inject, it } from 'vitest';
import { tcw, unbundled } from '../tcw.ts';
import { newName, ownExchange, ownQueue, pulse, user } from './setting.ts';

const broker = inject('pulseUrl');
const withPath = (path: string) => broker.replace(/%2F$/, path);
const mine = `exchange/${user}/not-declared`;

/** Everything here is one line on standard error, and nothing on standard output. */
function expectOneLine(ended: Awaited<ReturnType<typeof tcw>>, exitCode: number, says: string) {
  expect(ended).toEqual({ exitCode, stdout: '', stderr: expect.stringMatching(/^tcw: [^\n]+\n$/) });
  expect(ended.stderr).toContain(says);
  expect(ended.stderr).not.toContain('SECRET');
}

describe.concurrent('a mistake that tcw pulse detects before it connects', () => {
  it.each<[words: string[], exitCode: number, says: string]>([
    [['lisen'], 64, 'unknown command lisen; did you mean listen? (see tcw pulse --help)'],
    [['queue', 'inspct', 'q'], 64, 'did you mean inspect? (see tcw pulse queue --help)'],
    [['listen', '--cuont', '1'], 64, 'unknown option --cuont; did you mean --count?'],
    [['listen'], 64, 'name an exchange to listen to'],
    [['listen', 'queue.taskPendnig'], 64, 'did you mean queue.taskPending?'],
    [['listen', 'task-pending', 'workerTyp=x'], 64, 'have no part workerTyp; did you mean workerType?'],
    [
      ['listen', 'task-pending', 'taskId=a.b'],
      64,
      'taskId is one word of a routing key and cannot have a dot: a.b',
    ],
    [['listen', mine, 'x'.repeat(256)], 64, 'pattern of 256 bytes is too long: AMQP allows 255'],
    [['listen', mine, '--count', '0'], 64, 'It must be a whole number of at least 1'],
    [['listen', mine, '--timeout', 'soon'], 64, 'It must be a number greater than 0'],
    [['listen', mine, '--dialect', 'xml'], 64, 'It must be one of bare, mozillapulse, payload, auto'],
    [['listen', mine, '--filter', 'body.x =='], 64, '--filter is not a usable expression: it is incomplete'],
    [['listen', mine, '--filter', 'x.y == 1'], 64, 'unknown context value x'],
    [['listen', mine, '--max-length', '5'], 64, '--max-length is for a durable queue: name it with --queue'],
    [['listen', mine, '--concurrency', '5'], 64, '--concurrency needs --exec'],
    [['listen', mine, '--exec', ' '], 64, '--exec needs a command'],
    [['listen', mine, '-s', 'amqp:fdf://u:SECRET@h'], 64, 'the Pulse URL'],
    [
      ['listen', mine, '-s', 'https://u:SECRET@h'],
      64,
      'the Pulse URL begins with https:; it has to be amqp: or amqps:',
    ],
    [['publish', mine], 64, 'the argument <key> is missing'],
    [['publish', mine, 'x'.repeat(256)], 64, 'routing key of 256 bytes is too long'],
    [['publish', mine, 'k', '--body', '{"id":'], 65, 'the body is not JSON: '],
    [['publish', mine, 'k', '/no/such/file'], 64, 'the body cannot be read: ENOENT'],
    [['publish', mine, 'k', '/no/such/file', '--lines'], 64, 'the lines cannot be read: ENOENT'],
    [['publish', mine, 'k', '--lines', '--body', '{}'], 64, '--lines needs a file'],
    [['publish', mine, 'k', 'file', '--body', '{}'], 64, 'the body is given twice, by --body and by a file'],
    [['publish', mine, 'k', '--header', 'h'], 64, 'must be <name>=<value>'],
    [['queue', 'bindings', 'q', '--management', 'ftp://h'], 64, '--management must be a URL'],
  ])('%j', async (words, exitCode, says) => {
    expectOneLine(await tcw(['pulse', ...words]), exitCode, says);
  });
});

describe.concurrent('a mistake that the broker detects', () => {
  it.each<[what: string, words: string[], exitCode: number, says: string]>([
    [
      'the broker is unreachable',
      ['listen', mine, '-s', 'amqp://u:SECRET@127.0.0.1:1'],
      69,
      'cannot be reached: connect ECONNREFUSED',
    ],
    [
      'a wrong password',
      ['listen', mine, '-s', broker, '-p', 'SECRET'],
      77,
      'refused the user or the password',
    ],
    ['a wrong vhost', ['listen', mine, '-s', withPath('nowhere')], 77, 'vhost nowhere, refused the vhost'],
    ['a wrong exchange', ['listen', mine, '-s', broker], 64, `no exchange '${mine}'`],
    [
      'a wrong name of Taskcluster',
      ['listen', 'exchange/taskcluster-queue/v1/task-pendign', '-s', broker],
      64,
      'did you mean exchange/taskcluster-queue/v1/task-pending?',
    ],
    [
      'an exchange of another user',
      ['publish', 'task-pending', 'k', '--body', '{}', '-s', broker],
      77,
      'a user may write only',
    ],
    [
      'to declare it',
      ['publish', 'exchange/somebody/x', 'k', '--body', '{}', '--declare', '-s', broker],
      77,
      'a user may write only',
    ],
    [
      'a queue of another user',
      ['queue', 'inspect', 'queue/somebody/q', '-s', broker],
      64,
      'there is no queue queue/somebody/q',
    ],
  ])('%s', async (_, words, exitCode, says) => {
    expectOneLine(await tcw(['pulse', ...words]), exitCode, says);
  });

  it('a queue that exists with other arguments', async () => {
    const { exchange, pulse: owner } = await ownExchange();
    const { words } = await ownQueue(exchange, owner);
    expectOneLine(
      await pulse(['listen', ...words, '--max-length', '7']),
      64,
      'use another name, or delete it first',
    );
  });
});

describe.concurrent('the help', () => {
  it.each([
    ['--help'],
    ['listen', '--help'],
    ['publish', '-h'],
    ['queue', '--help'],
    ['queue', 'delete', '--help'],
    ['exchanges', '-h'],
  ])('of tcw pulse %s %s has 80 columns', async (...words) => {
    const { exitCode, stdout, stderr } = await tcw(['pulse', ...words.filter(Boolean)]);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^Usage: tcw pulse/);
    expect(stdout.split('\n').filter(line => line.length > 80)).toEqual([]);
  });

  it('of tcw loads no code of Pulse', async () => {
    const code = `
      import { registerHooks } from 'node:module';
      registerHooks({ load: (url, context, next) => {
        if (/amqplib|rxjs|src\\/(pulse|exchanges|streams)\\//.test(url)) console.error(url);
        return next(url, context);
      } });`;
    const nodeOptions = ['--import', `data:text/javascript,${encodeURIComponent(code)}`];
    const options = { program: unbundled, nodeOptions };
    expect(await tcw(['--help'], options)).toMatchObject({ exitCode: 0, stderr: '' });
    // It would be seen.
    const { stderr } = await tcw(['pulse', 'queue', 'bindings', newName()], options);
    expect(stderr).toContain('/src/pulse/');
  });
});
