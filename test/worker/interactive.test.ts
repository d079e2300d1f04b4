import { once } from 'node:events';
import { connect } from 'node:net';
import { describe } from 'vitest';
import { Secret, SHELL_ARTIFACT } from '../../src/base/index.ts';
import { WebSocket } from 'ws';
import { shellInput, shellResize } from '../../src/taskcluster/index.ts';
import { tcw } from '../cli/tcw.ts';
import { startTestTunnel } from '../harness/websocktunnel/server.ts';
import { waitFor } from '../wait-for.ts';
import { sh, type Deployment } from './deployment.ts';
import { testOf } from './ways.ts';

const it = testOf('with Pulse');
const INTERACTIVE = { features: { interactive: true } };
/** A task that runs until the test ends it. */
const UNTIL_TOLD = sh('echo begun; until [ -e told ]; do sleep 0.1; done');

/** A client of protocol version 2, like the web UI. */
async function openShell(socketUrl: string) {
  const socket = new WebSocket(socketUrl);
  let shown = '';
  // Each message is decoded separately.
  socket.on('message', (data: Buffer) => (shown += new TextDecoder().decode(data)));
  await once(socket, 'open');
  socket.send(shellResize({ rows: 33, columns: 111 }));
  return {
    socket,
    shown: () => shown,
    type: (text: string) => {
      socket.send(shellInput(Buffer.from(text)));
    },
  };
}

/** The page to which the artifact leads, once it exists. */
async function pageOf(here: Deployment, taskId: string): Promise<URL> {
  await waitFor(async () => {
    const artifacts = await here.artifacts(taskId);
    if (!artifacts.some(({ name }) => name === SHELL_ARTIFACT)) throw new Error('no shell yet');
  });
  const page = await here.location(taskId, SHELL_ARTIFACT);
  return new URL(page);
}

describe.concurrent('an interactive shell', () => {
  it('works as the web UI expects: an artifact, a page, a terminal next to the commands', async ({
    deploy,
    expect,
  }) => {
    const here = await deploy();
    await here.startWorker({ publicIP: '127.0.0.1' });
    const taskId = await here.createTask({ ...INTERACTIVE, ...UNTIL_TOLD, env: { MINE: 'of the task' } });
    const page = await pageOf(here, taskId);
    expect(await here.artifacts(taskId)).toContainEqual(
      expect.objectContaining({
        name: 'private/generic-worker/shell.html',
        storageType: 'reference',
        contentType: 'text/html; charset=utf-8',
      }),
    );
    expect(page.origin + page.pathname).toBe(`${here.rootUrl}/shell/`);
    expect(page.searchParams.get('v')).toBe('2');
    expect(page.searchParams.get('taskId')).toBe(taskId);
    const socketUrl = page.searchParams.get('socketUrl') ?? '';
    // The page decodes it twice.
    expect(socketUrl).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/shell\/[\w-]+$/);

    const shell = await openShell(socketUrl);
    shell.type('stty size; echo "[$MINE|$TERM|${TASK_ID}]"; pwd\n');
    await waitFor(() => {
      expect(shell.shown()).toContain(`[of the task|xterm-256color|${taskId}]`);
      expect(shell.shown()).toContain('33 111');
    });
    // Characters are never split between messages.
    shell.type('for i in 1 2 3 4 5 6; do printf "äöü€😀%.0s" $(seq 2000); done; echo; echo done-$((6*7))\n');
    await waitFor(() => {
      expect(shell.shown()).toContain('done-42');
    });
    expect(shell.shown()).not.toContain('\ufffd');
    // Several shells can be open at the same time.
    const other = await openShell(socketUrl);
    other.type('touch told; exit 3\n');
    await once(other.socket, 'close');
    // The shell ends with the task.
    if (shell.socket.readyState !== WebSocket.CLOSED) await once(shell.socket, 'close');
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    expect(await here.log(taskId)).not.toContain('of the task|');
    const late = new WebSocket(socketUrl);
    const [error] = (await once(late, 'error')) as [Error];
    expect(error.message).toContain('401');
  });

  it('is refused with 401 for a wrong secret, and ends with a task that is cancelled', async ({
    deploy,
    expect,
  }) => {
    const here = await deploy();
    await here.startWorker({ publicIP: '127.0.0.1' });
    const taskId = await here.createTask({ ...INTERACTIVE, ...UNTIL_TOLD });
    const socketUrl = (await pageOf(here, taskId)).searchParams.get('socketUrl') ?? '';
    const wrong = new WebSocket(`${socketUrl.slice(0, -3)}abc`);
    expect(((await once(wrong, 'error')) as [Error])[0].message).toContain('401');
    const plain = await fetch(socketUrl.replace('ws', 'http'));
    expect(plain.status).toBe(426);
    const shell = await openShell(socketUrl);
    shell.type("trap '' HUP TERM; echo re''ady; cat\n");
    await waitFor(() => {
      expect(shell.shown()).toContain('ready');
    });
    await here.cancelTask(taskId);
    await once(shell.socket, 'close');
  });

  it('refuses an eleventh shell, and closes its connection', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker({ publicIP: '127.0.0.1' });
    const taskId = await here.createTask({ ...INTERACTIVE, ...UNTIL_TOLD });
    const url = new URL((await pageOf(here, taskId)).searchParams.get('socketUrl') ?? '');
    await Promise.all(Array.from({ length: 10 }, () => openShell(url.href)));
    const client = connect({ host: url.hostname, port: Number(url.port), allowHalfOpen: true });
    let answer = '';
    client.on('data', (data: Buffer) => (answer += data.toString()));
    client.on('error', () => undefined);
    const closed = new Promise(resolve => client.once('close', resolve));
    client.write(
      `GET ${url.pathname} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
        'sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    // A client that never closes its side notices the worker's close only when it writes.
    const writing = setInterval(() => client.write('x'), 200);
    await closed;
    clearInterval(writing);
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(answer).toContain('This task has 10 shells already');
    await here.cancelTask(taskId);
  });

  it('survives clients that break the protocol', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker({ publicIP: '127.0.0.1' });
    const taskId = await here.createTask({ ...INTERACTIVE, ...UNTIL_TOLD });
    const socketUrl = (await pageOf(here, taskId)).searchParams.get('socketUrl') ?? '';
    const odd = await openShell(socketUrl);
    for (const message of [
      'text',
      Buffer.alloc(0),
      Buffer.from([1]),
      Buffer.from([2, 0]),
      Buffer.from([9, 9]),
      shellResize({ rows: 0, columns: 0 }),
    ])
      odd.socket.send(message);
    odd.type('echo still-$((40+2))\n');
    await waitFor(() => {
      expect(odd.shown()).toContain('still-42');
    });
    odd.socket.send(Buffer.alloc(2 * 1024 * 1024, 1));
    await once(odd.socket, 'close');
    // The worker may notice the end of the first shell later.
    const many = await Promise.all(Array.from({ length: 10 }, () => waitFor(() => openShell(socketUrl))));
    const eleventh = new WebSocket(socketUrl);
    expect(((await once(eleventh, 'error')) as [Error])[0].message).toContain('503');
    for (const { socket } of many) socket.terminate();
    const after = await waitFor(() => openShell(socketUrl));
    after.type('touch told\n');
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
  });

  it('is unavailable, with a warning, if nobody can reach the worker, and the task still runs', async ({
    deploy,
    expect,
  }) => {
    const here = await deploy();
    await here.startWorker();
    const taskId = await here.createTask({ ...INTERACTIVE, ...sh('sleep 1') });
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    expect(await here.log(taskId)).toContain(
      'cannot offer a shell: this worker cannot be reached from outside',
    );
  });

  it('is reached through a websocktunnel', async ({ deploy, expect }) => {
    const secret = 'of this tunnel';
    await using wst = await startTestTunnel({ secret });
    const here = await deploy({ websocktunnelSecret: new Secret(secret) });
    await here.startWorker({ wstServerURL: wst.url, wstAudience: 'tests' });
    const taskId = await here.createTask({ ...INTERACTIVE, ...UNTIL_TOLD });
    const socketUrl = (await pageOf(here, taskId)).searchParams.get('socketUrl') ?? '';
    expect(socketUrl).toMatch(new RegExp(`^ws://127.0.0.1:${wst.port}/here\\.w-\\w+\\.60099/shell/`));
    const shell = await openShell(socketUrl);
    shell.type('echo through-$((40+2)); touch told\n');
    await waitFor(() => {
      expect(shell.shown()).toContain('through-42');
    });
    // The shell reports the exit code, although the tunnel does not forward the close code.
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    expect(wst.violations()).toEqual([]);
  });
});

describe.concurrent('tcw shell', () => {
  it('runs a command line next to the task, and exits with its exit code', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker({ publicIP: '127.0.0.1' });
    const taskId = await here.createTask({ ...INTERACTIVE, ...UNTIL_TOLD });
    const environment = here.userEnvironment;
    const line = 'echo "$TASK_ID"; cat; head -c 200000 /dev/zero | tr "\\0" x; exit 42';
    const ran = await tcw(['shell', taskId, '--', line], { environment, input: 'one\ntwo' });
    expect(ran.stderr).toBe('');
    expect(ran.exitCode).toBe(42);
    expect(ran.stdout).toBe(`${taskId}\none\ntwo${'x'.repeat(200_000)}`);
    expect((await tcw(['shell', taskId, '--', 'true'], { environment })).exitCode).toBe(0);
    // The task may end before the shell has reported its exit code.
    await tcw(['shell', taskId, '--', 'touch', 'told'], { environment });
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    const ended = await tcw(['shell', taskId], { environment });
    expect([ended.exitCode, ended.stderr]).toEqual([
      66,
      `tcw: task ${taskId} has ended (completed): its shell has ended with it\n`,
    ]);
  });

  it('reports errors', async ({ deploy, expect }) => {
    const here = await deploy();
    const environment = here.userEnvironment;
    const without = await here.createTask(sh('true'));
    const pending = await here.createTask({ ...INTERACTIVE, ...sh('true') });
    const { TASKCLUSTER_ROOT_URL } = environment;
    const cases: [string[], Record<string, string>, number, string][] = [
      [['no-task-id'], environment, 64, '"no-task-id" is not a task ID'],
      [['AAAAAAAAQACAAAAAAAAAAA'], environment, 66, 'there is no task AAAAAAAAQACAAAAAAAAAAA'],
      [[without], environment, 66, 'has no shell: its payload lacks features.interactive'],
      [[pending, '--wait', '0'], environment, 66, 'does not run: it is pending'],
      [[pending, '--wait', 'x'], environment, 64, '--wait "x" is not a number of seconds'],
      [[pending], {}, 64, 'no deployment: set TASKCLUSTER_ROOT_URL'],
      [
        [pending],
        { ...environment, TASKCLUSTER_ACCESS_TOKEN: 'wrong' },
        77,
        'the queue refuses the credentials of ',
      ],
      [[pending], { TASKCLUSTER_ROOT_URL: 'http://127.0.0.1:1' }, 69, 'the queue does not answer'],
    ];
    for (const [words, given, exitCode, message] of cases) {
      const ended = await tcw(['shell', ...words], { environment: given });
      expect([ended.exitCode, ended.stdout]).toEqual([exitCode, '']);
      expect(ended.stderr).toContain(message);
    }
    await here.startWorker({ publicIP: '127.0.0.1' });
    const running = await here.createTask({ ...INTERACTIVE, ...UNTIL_TOLD });
    await pageOf(here, running);
    const anonymous = await tcw(['shell', running], {
      environment: { TASKCLUSTER_ROOT_URL: TASKCLUSTER_ROOT_URL ?? '' },
    });
    expect([anonymous.exitCode, anonymous.stderr]).toEqual([
      77,
      expect.stringContaining('the shell of a task is private: set TASKCLUSTER_CLIENT_ID'),
    ]);
    await here.cancelTask(running);
  });
});
