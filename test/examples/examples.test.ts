import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import jsone from 'json-e';
import taskcluster from 'taskcluster-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { validator } from '../../src/base/index.ts';
import { payloadSchema } from '../../src/worker/index.ts';
import { newWorkplace, type Workplace } from '../cli/dev-session.ts';

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
const names = readdirSync(examples).filter(name => name.endsWith('.json'));

let workplace: Workplace;
beforeEach(() => {
  workplace = newWorkplace();
});
afterEach(() => workplace[Symbol.asyncDispose]());

/** Runs an example to its end, and nothing but its own output stays on the terminal. */
async function run(name: string, ...words: string[]) {
  const { exitCode, stdout } = await workplace.tcw('dev', '--once', ...words, join(examples, name));
  expect(readdirSync(workplace.temporary)).toEqual([]);
  return { exitCode, stdout };
}

const hasCompiler = spawnSync('sh', ['-c', 'command -v cc']).status === 0;

describe('the examples', () => {
  it('hello.json prints hello', async () => {
    const { exitCode, stdout } = await run('hello.json');
    expect(stdout).toMatch(/\nHello from task [\w-]{22}, run 0\.\n/);
    expect(stdout).toMatch(/\n✔ hello: completed \([\w-]{22}\)\n$/);
    expect(exitCode).toBe(0);
  });

  it.skipIf(!hasCompiler)('c-program.json compiles a program, runs it and publishes it', async () => {
    const { exitCode, stdout } = await run('c-program.json');
    expect(stdout).toContain('\nThere are 168 primes below 1000.\n');
    expect(stdout).toContain('Uploading artifact public/build/primes from file ');
    expect(stdout).toContain('Uploading artifact public/primes.txt from file ');
    expect(exitCode).toBe(0);
  });

  it('c-program.json reports what is missing if there is no compiler', async () => {
    const path = join(workplace.folder, 'bin');
    mkdirSync(path);
    symlinkSync('/bin/sh', join(path, 'sh'));
    const { exitCode, stdout } = await run('c-program.json', '--task-path', path);
    expect(stdout).toContain('\nThis task needs a C compiler, and there is no cc on the PATH.\n');
    expect(stdout).not.toContain('Executing command 1');
    expect(stdout).toMatch(/\n✘ c-program: failed, exit status 1 \([\w-]{22}\)\n$/);
    expect(exitCode).toBe(1);
  });

  it('test-suite.json publishes its report', async () => {
    const dev = await workplace.dev(join(examples, 'test-suite.json'));
    await expect.poll(() => dev.stdout).toMatch(/\n✔ test-suite: completed \(/);
    const [, taskId = ''] = /completed \(([\w-]{22})\)/.exec(dev.stdout) ?? [];
    const report = await dev.artifact(taskId, 'public/report.tap');
    const lines = report.trimEnd().split('\n');
    expect(lines[0]).toBe('1..5');
    expect(lines.slice(1).map(line => /^ok (\d) - \w/.exec(line)?.[1])).toEqual(['1', '2', '3', '4', '5']);
    expect(dev.stdout).toContain(`\n${report}`);
    expect(await dev.stop()).toBe(0);
  });

  it('progress.json reports its progress while it runs', async () => {
    const dev = await workplace.dev('--once', join(examples, 'progress.json'));
    await expect.poll(() => dev.stdout).toContain('\nstep 1 of 12, 8 %: pi is about 3.14');
    expect(dev.stdout).not.toContain('Task Finished');
    await expect.poll(() => dev.stdout).toMatch(/\n✔ progress: completed \(/);
    expect(dev.stdout.match(/^step \d+ of 12/gm)).toHaveLength(12);
    expect(dev.stdout).toContain('\nstep 12 of 12, 100 %: pi is about 3.1415');
  });

  it('matrix.json runs its tasks in order, several at a time', async () => {
    const { exitCode, stdout } = await run('matrix.json', '--capacity', '3');
    const told = [
      'check | There are 4 primes below 10; expected were 4.',
      'below 1000 | There are 168 primes below 1000; expected were 168.',
      'below 10000 | There are 1229 primes below 10000; expected were 1229.',
      'below 100000 | There are 9592 primes below 100000; expected were 9592.',
      'summary | All sizes have the right number of primes.',
    ];
    const lines = stdout.split('\n');
    const places = told.map(line => lines.indexOf(line));
    expect(places).not.toContain(-1);
    expect(Math.min(...places)).toBe(places[0]);
    expect(Math.max(...places)).toBe(places[4]);
    expect(stdout.match(/^✔ .*: completed/gm)).toHaveLength(5);
    expect(exitCode).toBe(0);
  });

  it('failing.json reports why it fails, and publishes its partial results', async () => {
    const { exitCode, stdout } = await run('failing.json');
    expect(stdout).toContain('\nThe list is not what was expected:\n');
    expect(stdout).toContain('Uploading artifact public/difference.txt from file ');
    expect(stdout).toMatch(
      /\n\[taskcluster:error\] exit status 3\n[^]*✘ failing: failed, exit status 3 \([\w-]{22}\)\n$/,
    );
    expect(stdout).not.toMatch(/^Nobody reads this\.$/m);
    expect(exitCode).toBe(1);
  });

  it('are all listed in their README', () => {
    const readme = readFileSync(join(examples, 'README.md'), 'utf8');
    const named = [...readme.matchAll(/^\| \[([\w-]+\.json)\]/gm)].map(([, name]) => name);
    expect(named.sort()).toEqual(names.sort());
  });
});

describe('each example is valid for a real Taskcluster, once it has a pool', () => {
  const taskProblems = validator('taskcluster/queue/v1/create-task-request.json');
  const payloadProblems = validator(payloadSchema());

  it.each(names.filter(name => name !== 'hello.json'))('%s', name => {
    for (const { taskId: _, ...task } of tasksOf(name)) {
      expect(taskProblems({ ...task, taskQueueId: 'proj-example/linux' })).toEqual([]);
      expect(payloadProblems(task.payload)).toEqual([]);
    }
  });

  it('matrix.json has all its tasks in one group', () => {
    const tasks = tasksOf('matrix.json');
    expect(new Set(tasks.map(task => task.taskGroupId))).toEqual(new Set([tasks[0]?.taskId]));
  });

  /** What json-e makes of an example, with the function that a `.taskcluster.yml` has. */
  function tasksOf(name: string): Record<string, unknown>[] {
    const ids = new Map<string, string>();
    const as_slugid = (word: string) => ids.get(word) ?? ids.set(word, taskcluster.slugid()).get(word);
    const template = JSON.parse(readFileSync(join(examples, name), 'utf8')) as Record<string, unknown>;
    const rendered = jsone(template, { as_slugid }) as { tasks?: Record<string, unknown>[] };
    return rendered.tasks ?? [rendered];
  }
});
