import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PATIENCE_MS } from '../patience.ts';
import { tcw } from './tcw.ts';
import { newWorkplace, type Workplace } from './dev-session.ts';

let workplace: Workplace;
beforeEach(() => {
  workplace = newWorkplace();
});
afterEach(() => workplace[Symbol.asyncDispose]());

const ONE = 'A1cdEfghSTe_CDEFGHIJKg';
const OTHER = 'B1cdEfghSTe_CDEFGHIJKg';
const shell = (line: string) => ({ command: [['sh', '-c', line]], maxRunTime: 60 });
const task = (taskId: string, change: object = {}) => ({ taskId, payload: shell('true'), ...change });

/** Nothing of it is filled in, so that the queue takes it twice. */
const created = new Date().toISOString();
const deadline = new Date(Date.now() + 3_600_000).toISOString();
const whole = (taskId: string) =>
  task(taskId, { created, deadline, metadata: { name: 'whole' }, taskGroupId: taskId });

/** How often a task of this name is in the summary. */
const summaries = (stdout: string, taskId: string) =>
  stdout.split('\n').filter(line => line.endsWith(`(${taskId})`));

describe('tcw dev --once, with the same task twice', () => {
  it.each<[string, Record<string, unknown>, string[]]>([
    ['in one file', { 'a.json': { tasks: [task(ONE), task(ONE)] } }, ['a.json']],
    ['in one file, as complete definitions', { 'a.json': { tasks: [whole(ONE), whole(ONE)] } }, ['a.json']],
    ['in two files', { 'a.json': task(ONE), 'b.yml': task(ONE) }, ['a.json', 'b.yml']],
    ['because its file is given twice', { 'a.json': task(ONE) }, ['a.json', 'a.json']],
    [
      'in two files, with relative times',
      {
        'a.json': task(ONE, { deadline: { $fromNow: '1 hour' }, expires: { $fromNow: '1 day' } }),
        'b.json': task(ONE, { deadline: { $fromNow: '1 hour' }, expires: { $fromNow: '1 day' } }),
      },
      ['a.json', 'b.json'],
    ],
  ])('%s, runs it once and exits', async (_, files, words) => {
    for (const [name, content] of Object.entries(files)) workplace.write(name, content);
    const paths = words.map(name => `${workplace.folder}/${name}`);
    const { exitCode, stdout, stderr } = await workplace.tcw(
      'dev',
      '--once',
      '--log-level',
      'error',
      ...paths,
    );
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(summaries(stdout, ONE)).toHaveLength(1);
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    [
      'in one file',
      { 'a.json': { tasks: [task(ONE), task(OTHER), task(ONE, { payload: shell('false') })] } },
      /a\.json, tasks\[2\]: task A1cdEfghSTe_CDEFGHIJKg is defined differently in \S*a\.json, tasks\[0\]$/,
    ],
    [
      'in two files',
      { 'a.json': task(ONE), 'b.json': { tasks: [task(OTHER), task(ONE, { priority: 'high' })] } },
      /b\.json, tasks\[1\]: task A1cdEfghSTe_CDEFGHIJKg is defined differently in \S*a\.json$/,
    ],
  ])('and two definitions, %s, reports where they are, and nothing is started', async (_, files, message) => {
    const paths = Object.entries(files).map(([name, content]) => workplace.write(name, content));
    const { exitCode, stdout, stderr } = await workplace.tcw('dev', '--once', ...paths);
    expect(stderr).toMatch(/^tcw: [^\n]+\n$/);
    expect(stderr.trimEnd()).toMatch(message);
    expect([exitCode, stdout]).toEqual([64, '']);
  });

  it('runs a file twice if its tasks have no ids', async () => {
    const file = workplace.write('a.json', shell('true'));
    const { exitCode, stdout } = await workplace.tcw('dev', '--once', file, file);
    expect(exitCode).toBe(0);
    expect(stdout.match(/^✔ a: completed/gm)).toHaveLength(2);
  });
});

describe('tcw dev --once, with a task that can never run', () => {
  it.each<[string, unknown, RegExp]>([
    [
      'depends on itself',
      task(ONE, { dependencies: [ONE] }),
      /x\.json: task A1cdEfghSTe_CDEFGHIJKg depends on itself$/,
    ],
    [
      'is part of a cycle',
      { tasks: [task(ONE, { dependencies: [OTHER] }), task(OTHER, { dependencies: [ONE] })] },
      /x\.json, tasks\[0\]: task A1cdEfghSTe_CDEFGHIJKg depends on itself, through B1cdEfghSTe_CDEFGHIJKg$/,
    ],
    ['is missing', { tasks: [] }, /x\.json: tasks is empty$/],
    ['has a number for its id', { taskId: 7, payload: shell('true') }, /x\.json: taskId must be a string$/],
  ])('that %s: one line reports that, and nothing is started', async (_, content, message) => {
    const file = workplace.write('x.json', content);
    const { exitCode, stdout, stderr } = await workplace.tcw('dev', '--once', file);
    expect(stderr).toMatch(/^tcw: [^\n]+\n$/);
    expect(stderr.trimEnd()).toMatch(message);
    expect([exitCode, stdout]).toEqual([64, '']);
  });

  it.each<[string, unknown, RegExp]>([
    [
      'depends on a later one',
      { tasks: [task(ONE, { dependencies: [OTHER] }), task(OTHER)] },
      /B1cdEfghSTe_CDEFGHIJKg/,
    ],
    ['has a deadline in the past', task(ONE, { deadline: { $fromNow: '-1 minute' } }), /deadline/],
  ])('that %s: the queue does not accept it, and tcw ends', async (_, content, words) => {
    const file = workplace.write('x.json', content);
    const { exitCode, stderr } = await workplace.tcw('dev', '--once', '--log-level', 'error', file);
    expect(stderr).toMatch(/^tcw: [^\n]*x\.json: the queue does not accept task [^\n]+\n$/);
    expect(stderr).toMatch(words);
    expect(exitCode).toBe(64);
    expect(readdirSync(workplace.temporary)).toEqual([]);
  });

  it('ends at a deadline before the task could start', async () => {
    const file = workplace.write('x.json', {
      tasks: [
        { metadata: { name: 'long' }, payload: shell('sleep 9') },
        { metadata: { name: 'late' }, deadline: { $fromNow: '6 seconds' }, payload: shell('true') },
      ],
    });
    const { exitCode, stdout } = await workplace.tcw('dev', '--once', file);
    expect(stdout).toMatch(/^✘ late: exception, deadline-exceeded/m);
    expect(exitCode).toBe(1);
  });
});

it('tcw dev --once that is interrupted reports the state of each task', async () => {
  const file = workplace.write('x.json', {
    tasks: [
      { metadata: { name: 'short' }, payload: shell('true') },
      { metadata: { name: 'long' }, payload: { command: [['sleep', '1000']], maxRunTime: 2_000 } },
    ],
  });
  const dev = await workplace.dev('--once', file);
  const bothClaimed = /"msg":"claimed"[^]*"msg":"claimed"/;
  await expect.poll(() => dev.stderr, { timeout: PATIENCE_MS }).toMatch(bothClaimed);
  expect(await dev.stop('SIGTERM')).toBe(1);
  expect(dev.stdout).toMatch(/^✔ short: completed/m);
  expect(dev.stdout).toMatch(/^\? long: not resolved/m);
});

it('reports that no temporary folder can be made', async () => {
  const environment = { TMPDIR: '/nonexistent' };
  const { exitCode, stderr } = await tcw(['dev', '--once', 'examples/hello.json'], { environment });
  expect(exitCode).toBe(73);
  expect(stderr).toMatch(/^tcw: no temporary folder can be made in \/nonexistent \(ENOENT\)[^\n]+\n$/m);
});
