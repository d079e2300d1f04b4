import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { newWorkplace, processesWith, type Workplace } from './dev-session.ts';

let workplace: Workplace;
beforeEach(() => {
  workplace = newWorkplace();
});
afterEach(() => workplace[Symbol.asyncDispose]());

const shell = (line: string, more: object = {}) => ({
  command: [['sh', '-c', line]],
  maxRunTime: 600,
  ...more,
});

/** A time in seconds that no other sleeping process has. */
const sleepMarker = () => `${100_000 + Math.floor(Math.random() * 100_000)}.${process.pid}`;

describe('tcw dev without --once', () => {
  it('can be used with the credentials that it prints, and leaves nothing behind', async () => {
    const marker = sleepMarker();
    const dev = await workplace.dev();
    const taskId = await dev.create(shell('echo "I am $TASK_ID."'), { metadata: metadata('mine') });
    expect(await dev.resolved(taskId)).toMatchObject({
      resolution: 'completed',
      log: expect.stringContaining(`\nI am ${taskId}.\n`),
    });
    await expect.poll(() => dev.stdout).toContain(`\nmine | I am ${taskId}.\n`);
    expect(dev.stdout).toContain(
      `\nThe queue listens at ${dev.rootUrl}, a worker waits for tasks of tcw/dev`,
    );

    await dev.create(shell(`setsid sleep ${marker} & sleep ${marker}`));
    await expect.poll(() => processesWith(`sleep ${marker}`).length).toBeGreaterThan(1);
    expect(await dev.stop('SIGINT')).toBe(0);
    expect(processesWith(marker)).toEqual([]);
    expect(processesWith(workplace.temporary)).toEqual([]);
    expect(readdirSync(workplace.temporary)).toEqual([]);
  });

  it('does not reveal the credentials of its worker', async () => {
    const dev = await workplace.dev('--log-level', 'debug');
    const taskId = await dev.create(shell('env; tr "\\0" "\\n" < /proc/self/environ'));
    const { log } = await dev.resolved(taskId);
    expect(log).toContain(`TASK_ID=${taskId}`);
    expect(log).not.toMatch(/ACCESS_TOKEN|CERTIFICATE/);
    expect(await dev.stop()).toBe(0);
    expect(dev.stdout.match(/ACCESS_TOKEN/g)).toHaveLength(1);
  });

  it('continues after its tasks have failed', async () => {
    const file = workplace.write('bad.json', shell('exit 9'));
    const dev = await workplace.dev(file);
    await expect
      .poll(() => dev.stdout)
      .toMatch(
        /\n✘ bad: failed, exit status 9 \([\w-]{22}\)\nThe queue [^]*\n {2}tcw task submit --follow task\.json\n$/,
      );
    const taskId = await dev.create(shell('true'));
    expect(await dev.resolved(taskId)).toMatchObject({ resolution: 'completed' });
    expect(await dev.stop()).toBe(0);
  });

  it('ends the processes of a task when it is told to exit, even if the task ignores signals', async () => {
    const marker = sleepMarker();
    const file = workplace.write(
      'stubborn.json',
      shell(`trap '' TERM; sleep ${marker} & sleep ${marker}; wait`),
    );
    const dev = await workplace.dev(file, '--kill-grace-secs', '1');
    await expect.poll(() => processesWith(`sleep ${marker}`).length).toBeGreaterThan(1);
    expect(await dev.stop('SIGTERM')).toBe(0);
    expect(processesWith(marker)).toEqual([]);
    expect(readdirSync(workplace.temporary)).toEqual([]);
    expect(dev.stdout).toContain('\n[taskcluster:error] Aborting task...\n');
  });

  it('exits when it is told to before the worker has started', async () => {
    const dev = await workplace.dev();
    expect(await dev.stop('SIGINT')).toBe(0);
    expect(readdirSync(workplace.temporary)).toEqual([]);
  });
});

describe('the tasks of tcw dev', () => {
  it('may be bare payloads and definitions, in several files', async () => {
    const bare = workplace.write('bare.json', shell('echo from a payload'));
    const definition = workplace.write('definition.json', {
      metadata: { name: 'a definition' },
      payload: shell('echo from a definition'),
    });
    const yaml = workplace.write(
      'some.yml',
      'payload:\n  maxRunTime: 60\n  command:\n    - [echo, from YAML]\n',
    );
    const { exitCode, stdout } = await workplace.tcw('dev', '--once', bare, definition, yaml);
    expect(exitCode).toBe(0);
    const lines = stdout.split('\n');
    expect(lines).toContain('bare | from a payload');
    expect(lines).toContain('a definition | from a definition');
    expect(lines).toContain('some | from YAML');
    expect(lines.slice(-4)).toEqual([
      expect.stringMatching(/^✔ bare: completed \([\w-]{22}\)$/),
      expect.stringMatching(/^✔ a definition: completed \([\w-]{22}\)$/),
      expect.stringMatching(/^✔ some: completed \([\w-]{22}\)$/),
      '',
    ]);
  });

  it('run at the same time if there are enough slots', async () => {
    // Each waits for what the other makes.
    const meet = (mine: string, other: string) =>
      shell(`touch ../${mine}; until [ -e ../${other} ]; do sleep 0.1; done`, { maxRunTime: 20 });
    const files = [workplace.write('a.json', meet('a', 'b')), workplace.write('b.json', meet('b', 'a'))];
    const { exitCode } = await workplace.tcw('dev', '--once', '--capacity', '2', ...files);
    expect(exitCode).toBe(0);
  });

  it('have their logs printed unchanged while only one runs', async () => {
    const file = workplace.write('one.json', shell('printf "ä\\n€\\n"'));
    const { stdout } = await workplace.tcw('dev', '--once', file);
    expect(stdout).toContain('\nä\n€\n');
    expect(stdout).not.toContain('one |');
  });

  it('have their names before each line while several run', async () => {
    const slowly = `printf 'begin\\342'; sleep 0.3; printf '\\202\\254end\\n'; sleep 0.3; printf 'unfinished'`;
    const files = [
      workplace.write('slow.json', shell(slowly)),
      workplace.write('other.json', shell('sleep 0.1; echo between')),
    ];
    const { stdout } = await workplace.tcw('dev', '--once', '--capacity', '2', ...files);
    expect(stdout).toContain('\nslow | begin€end\n');
    expect(stdout).toContain('\nother | between\n');
    expect(stdout).toMatch(/\nslow \| unfinished\n/);
    expect(stdout).not.toContain('unfinished[');
  });

  it('are json-e templates', async () => {
    const file = workplace.write('template.json', {
      created: { $fromNow: '-5 minutes' },
      deadline: { $fromNow: '90 minutes' },
      expires: { $fromNow: '2 days' },
      payload: shell('echo "home: $HOME or $${HOME}, ${1 + 1}"'),
    });
    const dev = await workplace.dev(file);
    await expect.poll(() => dev.stdout).toMatch(/template: completed/);
    const [, taskId] = /template: completed \(([\w-]{22})\)/.exec(dev.stdout) ?? [];
    const { created, deadline, expires } = await dev.queue.task(taskId);
    expect(dev.stdout).toMatch(/^home: (\/\S+) or \1, 2$/m);
    expect(Date.parse(deadline) - Date.parse(created)).toBe(95 * 60_000);
    expect(Date.parse(expires ?? '') - Date.parse(created)).toBe((2 * 24 * 60 + 5) * 60_000);
  });

  it('replace the default task', async () => {
    const given = workplace.write('given.json', shell('echo given'));
    const byDefault = workplace.write('default.json', shell('echo default'));
    const none = await workplace.tcw('dev', '--once', '--default-task', byDefault);
    expect(none.stdout).toContain('\ndefault\n');
    const one = await workplace.tcw('dev', '--once', '--default-task', byDefault, given);
    expect(one.stdout).toContain('\ngiven\n');
    expect(one.stdout).not.toContain('\ndefault\n');
  });
});

describe('tcw dev --once', () => {
  it.each([
    ['completed', 'true', 0],
    ['failed, exit status 1', 'false', 1],
    ['exception, intermittent-task: [^\\n]+', 'exit 4', 1],
  ])('exits with the result of a task that is %s', async (ending, line, expected) => {
    // Whoever runs out of retries ends in an exception.
    const payload = shell(line, { onExitStatus: { retry: [4] } });
    const file = workplace.write('task.json', { retries: 0, payload });
    const { exitCode, stdout } = await workplace.tcw('dev', '--once', file);
    expect(stdout).toMatch(new RegExp(`\\n. task: ${ending} \\(.{22}\\)\\n$`));
    expect(exitCode).toBe(expected);
  });

  it('waits for the retries of a task', async () => {
    const file = workplace.write('again.json', {
      retries: 2,
      payload: shell('echo "run $RUN_ID"; [ "$RUN_ID" = 1 ] || exit 4', { onExitStatus: { retry: [4] } }),
    });
    const { exitCode, stdout } = await workplace.tcw('dev', '--once', file);
    expect(stdout).toMatch(/\nrun 0\n[^]*\nrun 1\n[^]*\n✔ again: completed/);
    expect(exitCode).toBe(0);
  });

  it('exits with 1 if one of several did not complete', async () => {
    const files = ['true', 'false', 'true'].map((line, i) => workplace.write(`${i}.json`, shell(line)));
    const { exitCode, stdout } = await workplace.tcw('dev', '--once', ...files);
    expect(stdout).toMatch(
      /\n✔ 0: completed \(.{22}\)\n✘ 1: failed, exit status 1 \(.{22}\)\n✔ 2: completed \(.{22}\)\n$/,
    );
    expect(exitCode).toBe(1);
  });

  it('does not wait for tasks that can never start', async () => {
    const id = (name: string) => ({ $eval: `as_slugid('${name}')` });
    const file = workplace.write('chain.json', {
      tasks: [
        task('a', 'false', []),
        task('b', 'true', [id('a')]),
        task('c', 'true', [id('b')]),
        // It needs `a` only to be over, and that it is.
        { ...task('d', 'true', [id('a')]), requires: 'all-resolved' },
        // What it needs will never be over.
        { ...task('e', 'true', [id('d'), id('c')]), requires: 'all-resolved' },
      ],
    });
    const { exitCode, stdout } = await workplace.tcw('dev', '--once', file);
    const never = 'never started: a task it depends on did not complete';
    expect(endings(stdout)).toEqual([
      '✘ a: failed, exit status 1',
      `- b: ${never}`,
      `- c: ${never}`,
      '✔ d: completed',
      `- e: ${never}`,
    ]);
    expect(exitCode).toBe(1);

    function task(name: string, line: string, dependencies: object[]) {
      return { taskId: id(name), dependencies, metadata: { name }, payload: shell(line) };
    }
  });

  it('removes what a task has left outside its own folder, even in very deep paths', async () => {
    const step = 'd'.repeat(200);
    const file = workplace.write(
      'deep.json',
      shell(`cd ../..; for i in $(seq 30); do mkdir ${step}; cd -P ${step}; done`),
    );
    const { exitCode, stderr } = await workplace.tcw('dev', '--once', file);
    expect(exitCode).toBe(0);
    expect(stderr).not.toContain('something was left behind');
    expect(readdirSync(workplace.temporary)).toEqual([]);
  });

  it('exits early, with 1, when it is told to', async () => {
    const marker = sleepMarker();
    const dev = await workplace.dev('--once', workplace.write('long.json', shell(`sleep ${marker}`)));
    await expect.poll(() => processesWith(`sleep ${marker}`).length).toBeGreaterThan(0);
    expect(await dev.stop('SIGTERM')).toBe(1);
    expect(processesWith(marker)).toEqual([]);
    expect(readdirSync(workplace.temporary)).toEqual([]);
  });
});

describe('the port of tcw dev', () => {
  it('may be chosen', async () => {
    const port = await freePort();
    const dev = await workplace.dev('--port', String(port));
    expect(dev.rootUrl).toBe(`http://127.0.0.1:${port}`);
    expect(await dev.stop()).toBe(0);
  });

  it('is refused in one line if it is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      const { exitCode, stdout, stderr } = await workplace.tcw('dev', '--port', String(port));
      expect(stderr).toBe(
        `tcw: port ${port} is not available: another program listens on it; choose another with --port\n`,
      );
      expect([exitCode, stdout]).toEqual([73, '']);
      expect(readdirSync(workplace.temporary)).toEqual([]);
    } finally {
      server.close();
    }
  });

  async function freePort(): Promise<number> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    return port;
  }
});

describe('tcw dev on a real broker', () => {
  const [pulseUrl, queuePulseUrl] = [inject('pulseUrl'), inject('queuePulseUrl')];
  const brokers = ['--pulse-url', pulseUrl, '--queue-pulse-url', queuePulseUrl];

  it('runs a task from a notice', async () => {
    const file = workplace.write('wired.json', shell('echo over the wire'));
    const { exitCode, stdout, stderr } = await workplace.tcw('dev', '--once', ...brokers, file);
    expect(stdout).toContain('\nover the wire\n');
    expect(stdout).toMatch(/\n✔ wired: completed \(.{22}\)\n$/);
    expect(stderr).toContain('"pulse":"up"');
    expect(exitCode).toBe(0);
  });

  it('stops a task that is cancelled', async () => {
    const marker = sleepMarker();
    const dev = await workplace.dev(...brokers);
    const taskId = await dev.create(shell(`sleep ${marker}`));
    await expect.poll(() => processesWith(`sleep ${marker}`).length).toBeGreaterThan(0);
    await dev.queue.cancelTask(taskId);
    await expect.poll(() => processesWith(marker)).toEqual([]);
    expect(await dev.stop()).toBe(0);
    expect(readdirSync(workplace.temporary)).toEqual([]);
  });

  it('needs only one URL for a user with both permissions', async () => {
    const file = workplace.write('wired.json', shell('echo over the wire'));
    const { exitCode, stderr } = await workplace.tcw('dev', '--once', '--pulse-url', queuePulseUrl, file);
    expect(stderr).toContain('"pulse":"up"');
    expect(exitCode).toBe(0);
  });

  it.each<[string, string, string]>([
    ['the worker', withWrongPassword(pulseUrl), queuePulseUrl],
    ['the queue', pulseUrl, withWrongPassword(queuePulseUrl)],
  ])('reports in one line that the password of %s is wrong, and exits', async (_, workers, queue) => {
    const words = ['dev', '--once', '--pulse-url', workers, '--queue-pulse-url', queue];
    const { exitCode, stdout, stderr } = await workplace.tcw(...words);
    expect([exitCode, stdout]).toEqual([73, '']);
    expect(stderr).toMatch(/^tcw: Pulse: [^\n]+\n$/);
    expect(stderr).not.toContain('SECRET');
  });

  it('exits if the broker is unreachable', async () => {
    const { exitCode, stderr } = await workplace.tcw('dev', '--pulse-url', 'amqp://u:p@127.0.0.1:1/%2F');
    expect(exitCode).toBe(73);
    expect(stderr).toMatch(/^tcw: tcw dev needs its broker: the broker at 127\.0\.0\.1:1 [^\n]+\n$/);
  });
});

function withWrongPassword(url: string): string {
  return url.replace(/:[^:@/]+@/, ':SECRET@');
}

function metadata(name: string) {
  return { name, description: 'of a test', owner: 'a@example.com', source: 'https://example.com' };
}

/** How tasks ended, from the last lines that `--once` prints. */
function endings(stdout: string): string[] {
  return [...stdout.matchAll(/^([✔✘-] .*) \([\w-]{22}\)$/gm)].map(([, ending = '']) => ending);
}
