import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { waitFor } from '../../wait-for.ts';
import { shell, taskSession } from './session.ts';

const session = taskSession('--capacity', '3');
const task = (...words: string[]) => session.task(...words);
const file = (name: string, content: unknown) => session.workplace().write(name, content);
/** A file that lets a task go on. */
const gate = (name: string) => join(session.workplace().folder, `gate-${name}`);
const ID = /^[\w-]{22}\n$/;

describe('tcw task submit', () => {
  it('prints the task id and nothing else on standard output', async () => {
    const { exitCode, stdout, stderr } = await task('submit', file('a.json', shell('true')));
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(ID)]);
    expect(stderr).toBe(`tcw: created a (${stdout.trim()}) for tcw/dev\n`);
    expect(await session.dev().resolved(stdout.trim())).toMatchObject({ resolution: 'completed' });
  });

  it('reads the same templates as tcw dev, including dependencies', async () => {
    const { exitCode, stdout } = await task('submit', '--wait', 'examples/matrix.json');
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^([\w-]{22}\n){5}$/)]);
  });

  it('--wait exits with the result, and prints it in the last line', async () => {
    const paths = [
      file('good.json', shell('true')),
      file('bad.yml', 'command: [["false"]]\nmaxRunTime: 60\n'),
    ];
    const { exitCode, stdout, stderr } = await task('submit', '--wait', ...paths);
    expect([exitCode, stdout]).toEqual([1, expect.stringMatching(/^([\w-]{22}\n){2}$/)]);
    expect(stderr).toMatch(/\n✔ good: completed \(.{22}\)\n✘ bad: failed \(.{22}\)\n$/);
  });

  it('--wait prints what is wrong with a payload', async () => {
    const path = file('wrong.json', shell('true', { nonsense: 1, maxRunTime: 'long' }));
    const { exitCode, stderr } = await task('submit', '--wait', path);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^tcw: - \/nonsense is not a known property$/m);
    expect(stderr).toMatch(/^tcw: - \/maxRunTime must be integer; it is "long"$/m);
    expect(stderr).toMatch(/\n✘ wrong: exception, malformed-payload \(.{22}\)\n$/);
  });

  it('--follow prints the whole log, byte for byte, and explains why a task failed', async () => {
    const line = 'for i in 1 2 3; do echo "line $i"; sleep 0.3; done; exit 7';
    const { exitCode, stdout, stderr } = await task('submit', '--follow', file('slow.json', shell(line)));
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/\n✘ slow: failed, exit status 7 \((.{22})\)\n$/);
    const [, taskId = ''] = /\((.{22})\)\n$/.exec(stderr) ?? [];
    expect(stdout).toBe((await session.dev().resolved(taskId)).log);
  });

  it('--follow shows the logs of several tasks one after the other', async () => {
    const { exitCode, stdout } = await task('submit', '--follow', 'examples/matrix.json');
    expect(exitCode).toBe(0);
    const starts = [...stdout.matchAll(/There are (\d+) primes/g)].map(([, count]) => count);
    expect(starts).toEqual(['4', '168', '1229', '9592']);
    // As in generic-worker's logs, each line of a command of ten lines has the worker's prefix.
    expect(stdout).toMatch(
      /^\[taskcluster [^\]]+\] Executing command 0: .*\n(\[taskcluster [^\]]+\] .*\n){9}There are 4/m,
    );
    expect(stdout).toContain('All sizes have the right number of primes.');
  });

  it('does not wait for a task that can never start', async () => {
    const id = (name: string) => ({ $eval: `as_slugid('${name}')` });
    const tasks = [
      { taskId: id('a'), metadata: { name: 'a' }, payload: shell('false') },
      { taskId: id('b'), metadata: { name: 'b' }, payload: shell('true'), dependencies: [id('a')] },
    ];
    const { exitCode, stderr } = await task('submit', '--follow', file('chain.json', { tasks }));
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/\n- b: never started: a task it depends on did not complete \(.{22}\)\n$/);
  });

  it('--json describes what was created, and the result', async () => {
    const { exitCode, stdout } = await task('submit', '--wait', '--json', file('j.json', shell('exit 3')));
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toEqual([
      {
        file: expect.stringMatching(/j\.json$/),
        name: 'j',
        taskId: expect.any(String),
        taskGroupId: expect.any(String),
        taskQueueId: 'tcw/dev',
        state: 'failed',
      },
    ]);
  });

  it('--task-queue overrides the file, and the file overrides the environment', async () => {
    const named = file('named.json', { taskQueueId: 'my/file', payload: shell('true') });
    const queueOf = async (...words: string[]) => {
      const { stdout } = await task('submit', '--json', ...words);
      return (JSON.parse(stdout) as { taskQueueId: string }[]).map(({ taskQueueId }) => taskQueueId);
    };
    expect(await queueOf(named)).toEqual(['my/file']);
    expect(await queueOf('--task-queue', 'my/option', named)).toEqual(['my/option']);
  });
});

describe('tcw task log', () => {
  it('waits for a task that is not running yet, and follows it to its end', async () => {
    const first = await session.dev().create(shell(`until [ -e ${gate('first')} ]; do sleep 0.1; done`));
    const second = await session.dev().create(shell('echo begins; sleep 0.5; echo ends'), {
      dependencies: [first],
    });
    const log = followed(second);
    await log.says(`tcw: task ${second} is unscheduled: waiting for a worker\n`);
    writeFileSync(gate('first'), '');
    const { exitCode, shown } = await log.ended;
    expect(exitCode).toBe(0);
    expect(shown()).toMatch(/^begins\n[^]*^ends\n[^]*=== Task Finished ===/m);
    expect(log.stdout()).toBe((await session.dev().resolved(second)).log);
  });

  it('prints the log of a resolved run, and of an earlier run', async () => {
    const line = 'echo "this is run $RUN_ID"; [ "$RUN_ID" = 1 ] || exit 4';
    const taskId = await session.dev().create(shell(line, { onExitStatus: { retry: [4] } }));
    await session.dev().resolved(taskId);
    expect((await task('log', taskId)).stdout).toContain('\nthis is run 1\n');
    expect((await task('log', taskId, '--run', '0')).stdout).toContain('\nthis is run 0\n');
    expect((await task('status', taskId, '-a')).stdout).toBe(
      'run 0: exception, intermittent-task\nrun 1: completed\n',
    );
    expect((await task('status', taskId, '-r', '0')).stdout).toBe('exception, intermittent-task\n');
  });

  it('continues with the next run', async () => {
    const line = `echo "this is run $RUN_ID"; until [ -e ${gate('run')} ]; do sleep 0.1; done; [ "$RUN_ID" = 1 ] || exit 4`;
    const taskId = await session.dev().create(shell(line, { onExitStatus: { retry: [4] } }));
    const log = followed(taskId);
    await log.says('this is run 0\n');
    writeFileSync(gate('run'), '');
    expect((await log.ended).shown()).toMatch(/this is run 0\n[^]*this is run 1\n/);
  });

  it('finds a log under the name of the payload', async () => {
    const taskId = await session
      .dev()
      .create(shell('echo named', { logs: { live: 'public/x.log', backing: 'public/y.log' } }));
    expect((await task('log', taskId)).stdout).toContain('\nnamed\n');
  });

  it('exits silently when nobody reads any more', async () => {
    const taskId = await session.dev().create(shell('yes | head -c 3000000; sleep 60'));
    const child = session.started('log', taskId);
    child.stdout?.once('data', () => child.stdout?.destroy());
    const exitCode = await new Promise(resolve => child.once('exit', resolve));
    expect(exitCode).toBe(0);
    expect((await task('cancel', taskId)).stdout).toBe('exception, canceled\n');
  });
});

describe('tcw task artifacts', () => {
  it('lists and downloads', async () => {
    const payload = shell('mkdir d; echo one > d/one; echo two > two', {
      artifacts: [
        { type: 'directory', path: 'd', name: 'public/d' },
        { type: 'file', path: 'two', name: 'private/two' },
      ],
    });
    const taskId = await session.dev().create(payload);
    await session.dev().resolved(taskId);
    const names = ['private/two', 'public/d/one', 'public/logs/live.log', 'public/logs/live_backing.log'];
    const list = await task('artifacts', taskId);
    expect(list).toMatchObject({ exitCode: 0, stderr: '' });
    expect(list.stdout.trim().split('\n').sort()).toEqual(names);
    const json = JSON.parse((await task('artifacts', taskId, '--json')).stdout) as { name: string }[];
    expect(json.map(({ name }) => name).sort()).toEqual(names);

    const one = join(session.workplace().folder, 'one');
    const { exitCode, stdout } = await task('artifacts', taskId, 'private/two', '--download', one);
    expect([exitCode, stdout]).toEqual([0, `${one}/private/two\n`]);
    expect(readFileSync(join(one, 'private/two'), 'utf8')).toBe('two\n');

    const all = join(session.workplace().folder, 'all');
    expect(await task('artifacts', taskId, '-d', all)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(readFileSync(join(all, 'public/d/one'), 'utf8')).toBe('one\n');
    expect(readFileSync(join(all, 'public/logs/live.log'), 'utf8')).toContain('=== Task Finished ===');
    // Once more, over what is there.
    expect(await task('artifacts', taskId, '-d', all)).toMatchObject({ exitCode: 0, stderr: '' });
  });
});

describe('tcw task cancel and rerun', () => {
  it('cancel a running task once, and rerun it', async () => {
    const taskId = await session.dev().create(shell('[ "$RUN_ID" = 1 ] || sleep 600'));
    await expect.poll(async () => (await task('status', taskId)).stdout).toBe('running\n');
    expect(await task('cancel', taskId)).toEqual({
      exitCode: 0,
      stdout: 'exception, canceled\n',
      stderr: '',
    });
    expect(await task('cancel', taskId)).toMatchObject({ exitCode: 0, stdout: 'exception, canceled\n' });
    expect(await task('rerun', taskId)).toEqual({ exitCode: 0, stdout: 'pending\n', stderr: '' });
    expect(await session.dev().resolved(taskId)).toMatchObject({ resolution: 'completed' });
    expect(await task('rerun', taskId)).toMatchObject({ exitCode: 75, stdout: '' });
    const forced = await task('rerun', '--force', '--json', taskId);
    expect(JSON.parse(forced.stdout)).toMatchObject({ taskId, state: 'pending' });
  });
});

/** `tcw task log` while it runs. */
function followed(taskId: string) {
  const child = session.started('log', taskId);
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', chunk => (stdout += String(chunk)));
  child.stderr?.on('data', chunk => (stderr += String(chunk)));
  const shown = () => stdout + stderr;
  const closed = new Promise<number | null>(resolve => child.once('close', resolve));
  return {
    stdout: () => stdout,
    says: (text: string) =>
      waitFor(() => {
        expect(shown()).toContain(text);
      }),
    ended: closed.then(exitCode => ({ exitCode, shown })),
  };
}
