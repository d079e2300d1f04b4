import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import taskcluster from 'taskcluster-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newWorkplace, type DevSession, type Workplace } from './dev-session.ts';

// One worker is given everything that is wrong here, and has to live through all of it.
let workplace: Workplace;
let tasksDir: string;
let dev: DevSession;

beforeAll(async () => {
  workplace = newWorkplace();
  tasksDir = join(workplace.folder, 'tasks');
  dev = await workplace.dev('--tasks-dir', tasksDir);
});
afterAll(() => workplace[Symbol.asyncDispose]());

const shell = (line: string, more: object = {}) => ({
  command: [['sh', '-c', line]],
  maxRunTime: 60,
  ...more,
});

async function run(payload: object, definition: object = {}) {
  const taskId = await dev.create(payload, definition);
  return { taskId, ...(await dev.resolved(taskId)) };
}

/** What is in the tasks folder beside the worker's own records. */
function ofRuns(): string[] {
  return readdirSync(tasksDir)
    .filter(name => !name.startsWith('.tcw-'))
    .sort();
}

/** The worker takes the next task, and nothing of those before is left. */
async function expectWorkerLives(): Promise<void> {
  expect(await run(shell('echo alive'))).toMatchObject({ resolution: 'completed' });
  await expect.poll(ofRuns).toEqual([]);
  expect(dev.process.exitCode).toBe(null);
}

/** The lines of a log that say what went wrong. */
function errorsIn(log: string): string[] {
  return [...log.matchAll(/^\[taskcluster:error\] (.*)$/gm)].map(([, line = '']) => line);
}

describe('a malformed payload', () => {
  it('is resolved as such, with every problem at the start of the log, each with its path', async () => {
    const { taskId, resolution, log } = await run({
      command: [['true'], 'true', []],
      env: { PORT: 8080 },
      artefacts: [],
      artifacts: [{ type: 'fil', path: 'x' }, { type: 'file' }],
      features: { timeTravel: true },
    });
    expect(resolution).toBe('exception/malformed-payload');
    const errors = errorsIn(log);
    expect(errors[0]).toBe('TASK FAIL since the task payload is invalid. See errors:');
    const problems = errors.slice(1);
    expect(problems.slice(0, -2).sort()).toEqual([
      '- /artefacts is not a known property; did you mean artifacts?',
      '- /artifacts/0/type must be one of "file", "directory"; it is "fil"',
      '- /artifacts/1/path is missing',
      '- /command/1 must be array; it is "true"',
      '- /command/2 must NOT have fewer than 1 items',
      '- /env/PORT must be string',
      '- /features/timeTravel is not a known property',
      '- /maxRunTime is missing',
    ]);
    expect(problems.at(-2)).toBe('tcw show-payload-schema --format generic-worker prints the payload schema');
    expect(problems.at(-1)).toBe(`validation of payload failed for task ${taskId}`);
    expect(log).not.toContain('Executing command');
    await expectWorkerLives();
  });

  it.each<[string, object, object, string | RegExp]>([
    [
      'a maxRunTime beyond what the pool allows',
      shell('true', { maxRunTime: 86_401 }),
      {},
      'maxRunTime of 86401 s is more than this worker pool allows (86400 s)',
    ],
    [
      'a feature that is not there',
      shell('true', { features: { loopbackAudio: true } }),
      {},
      `this task is attempting to use feature "loopbackAudio", which only containers can have (capabilities.devices of a docker-worker payload)`,
    ],
    [
      'a mount of an artifact of no dependency',
      shell('true', {
        mounts: [{ file: 'x', content: { taskId: 'fN1SbArXTPSVFNUvaOlinQ', artifact: 'public/x' } }],
      }),
      {},
      'task.dependencies needs to include fN1SbArXTPSVFNUvaOlinQ since one or more of its artifacts are mounted',
    ],
    [
      'an artifact that expires before the deadline',
      shell('true', {
        artifacts: [{ type: 'file', path: 'x', expires: taskcluster.fromNow('1 minute').toJSON() }],
      }),
      {},
      /^artifact "x": it expires \(.*\) before the task's deadline \(.*\)$/,
    ],
    [
      'an artifact that outlives the task',
      shell('true', {
        artifacts: [{ type: 'file', path: 'x', expires: taskcluster.fromNow('3 days').toJSON() }],
      }),
      { expires: taskcluster.fromNow('2 days').toJSON() },
      /^artifact "x": it expires \(.*\) after the task does \(.*\)$/,
    ],
    [
      'an artifact name that the queue cannot take',
      shell('true', { artifacts: [{ type: 'file', path: 'x', name: 'public/ä' }] }),
      {},
      'artifact "public/ä": its name contains characters other than printable ASCII',
    ],
  ])('%s is malformed', async (_, payload, definition, message) => {
    const { resolution, log } = await run(payload, definition);
    expect(resolution).toBe('exception/malformed-payload');
    expect(errorsIn(log)).toEqual([typeof message === 'string' ? message : expect.stringMatching(message)]);
    expect(log).not.toContain('Executing command');
  });
});

describe('a command that cannot be started', () => {
  it.each<[string, object, string]>([
    [
      'is missing',
      {
        command: [
          ['no-such-program', 'x'],
          ['echo', 'next'],
        ],
      },
      `exec: "no-such-program": executable file not found in $PATH`,
    ],
    [
      'is missing, by its path',
      { command: [['./no-such-program'], ['echo', 'next']] },
      'fork/exec ./no-such-program: no such file or directory',
    ],
    [
      'is not executable',
      { command: [['sh', '-c', 'echo "#!/bin/sh" > script'], ['./script'], ['echo', 'next']] },
      'fork/exec ./script: permission denied',
    ],
    [
      'is a directory',
      { command: [['mkdir', 'directory'], ['./directory'], ['echo', 'next']] },
      'fork/exec ./directory: permission denied',
    ],
    [
      'is not found since the task has no PATH',
      { command: [['true'], ['echo', 'next']], env: { PATH: '/nowhere' } },
      'exec: "true": executable file not found in $PATH',
    ],
    [
      'has one variable that is too large for the system',
      { command: [['true'], ['echo', 'next']], env: { LARGE: 'x'.repeat(200_000) } },
      'fork/exec true: argument list too long',
    ],
    [
      'has too many variables for the system',
      {
        command: [['true'], ['echo', 'next']],
        env: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`LARGE_${i}`, 'x'.repeat(100_000)])),
      },
      'fork/exec true: argument list too long',
    ],
    [
      'has an argument that is too large for the system',
      {
        command: [
          ['true', 'x'.repeat(200_000)],
          ['echo', 'next'],
        ],
      },
      'fork/exec true: argument list too long',
    ],
  ])('because it %s fails the task, and the log says why', async (_, payload, message) => {
    const { resolution, log } = await run({ maxRunTime: 60, ...payload });
    expect(resolution).toBe('failed');
    expect(errorsIn(log).at(-1)).toBe(message);
    expect(log).not.toContain('Executing command 2: echo next');
    expect(log).not.toMatch(/^next$/m);
    await expectWorkerLives();
  });

  // generic-worker prints this line in the place of exit code and times.
  it('has the error message of generic-worker', async () => {
    const { log } = await run({ command: [['no-such-program']], maxRunTime: 60 });
    expect(log).toMatch(
      /^\[taskcluster 2.*Z\] System error executing command: exec: "no-such-program": executable file not found in \$PATH$/m,
    );
  });

  it('because its interpreter is missing fails the task', async () => {
    const { resolution, log } = await run(
      shell('echo "#!/no/such/interpreter" > script; chmod +x script', {
        command: [['sh', '-c', 'echo "#!/no/such/interpreter" > script; chmod +x script'], ['./script']],
      }),
    );
    expect(resolution).toBe('failed');
    expect(errorsIn(log)).toEqual(['exit status 127']);
  });
});

describe('the tasks folder', () => {
  it('ends tcw at its start if it is not writable', async () => {
    // A file in its place stands for every reason: no mode would keep root out.
    const file = workplace.write('a-file', '');
    const { exitCode, stderr } = await workplace.tcw('dev', '--once', '--tasks-dir', file);
    expect(exitCode).toBe(73);
    expect(stderr).toMatch(
      /^tcw: tasksDir: cannot use [^\n]* \(ENOTDIR: not a directory\)\. Name another folder[^\n]*\n$/,
    );
  });

  it('that is removed later leads to an internal error for the runs that need it, and nothing else', async () => {
    const aside = join(workplace.folder, 'aside');
    renameSync(tasksDir, aside);
    writeFileSync(tasksDir, '');
    const { resolution, log } = await run(shell('true'));
    expect(resolution).toBe('exception/internal-error');
    expect(errorsIn(log)).toEqual([expect.stringMatching(/^internal error: ENOTDIR: /)]);
    rmSync(tasksDir);
    renameSync(aside, tasksDir);
    await expectWorkerLives();
  });

  it('hides what runs write from other users: 0700 for folders, 0600 for logs', async () => {
    const taskId = await dev.create(shell('until [ -e go ]; do sleep 0.1; done'));
    const folder = join(tasksDir, `task_${taskId}_0`);
    await expect.poll(ofRuns).toEqual(['', '.log', '.tmp'].map(end => `task_${taskId}_0${end}`));
    expect(modeOf(tasksDir)).toBe('700');
    expect(modeOf(folder)).toBe('700');
    expect(modeOf(`${folder}.tmp`)).toBe('700');
    expect(modeOf(`${folder}.log`)).toBe('600');
    writeFileSync(join(folder, 'go'), '');
    expect(await dev.resolved(taskId)).toMatchObject({ resolution: 'completed' });
  });

  const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
});

it.each(['../../x', '/tmp/x', 'a/b', '..', '.'])('the task name %s is not used as a path', async name => {
  // The worker names its last task here, too.
  const made = () => readdirSync(workplace.folder).filter(file => file !== 'generic-worker-metadata.json');
  const before = made().sort();
  const metadata = {
    name,
    description: 'of a test',
    owner: 'a@example.com',
    source: 'https://example.com',
  };
  const { taskId, resolution, log } = await run(shell('pwd; ls ..'), { metadata });
  expect(resolution).toBe('completed');
  expect(log).toContain(`\n${tasksDir}/task_${taskId}_0\ntask_${taskId}_0\ntask_${taskId}_0.log\n`);
  await expect.poll(() => dev.stdout).toContain(`\n${name} | ${tasksDir}/task_${taskId}_0\n`);
  expect(made().sort()).toEqual(before);
});

describe('an artifact outside the folder of the task', () => {
  const outside = () => join(workplace.folder, 'outside');
  beforeAll(() => {
    mkdirSync(outside());
    writeFileSync(join(outside(), 'secret.txt'), 'SECRET');
  });

  it.each<[string, () => object, string]>([
    ['a path upwards', () => ({ type: 'file', path: '../../outside/secret.txt' }), 'true'],
    ['a path upwards from below', () => ({ type: 'file', path: 'd/../../../outside/secret.txt' }), 'mkdir d'],
    ['a directory above', () => ({ type: 'directory', path: '..' }), 'true'],
  ])('by %s becomes an error artifact, and the task fails', async (_, request, line) => {
    const artifact = { ...request(), name: 'public/stolen' };
    const { taskId, resolution, log } = await run(shell(line, { artifacts: [artifact] }));
    expect(resolution).toBe('failed');
    expect(await dev.artifacts(taskId)).toContainEqual(
      expect.objectContaining({ name: 'public/stolen', storageType: 'error' }),
    );
    expect(errorsIn(log).at(-1)).toMatch(
      /^TASK FAILURE during artifact upload: invalid-resource-on-worker: '.*' is outside the task's folder$/,
    );
    expect(await dev.artifact(taskId, 'public/stolen')).not.toContain('SECRET');
  });

  it.each<[string, () => object, string]>([
    ['an absolute path', () => ({ type: 'file', path: join(outside(), 'secret.txt') }), 'true'],
    ['a link', () => ({ type: 'file', path: 'link' }), 'ln -s ../../outside/secret.txt link'],
    ['a path through a link', () => ({ type: 'file', path: 'link/secret.txt' }), 'ln -s ../../outside link'],
  ])('by %s is uploaded, because the task could read it itself', async (_, request, line) => {
    const artifact = { ...request(), name: 'public/shared' };
    const { taskId, resolution } = await run(shell(line, { artifacts: [artifact] }));
    expect(resolution).toBe('completed');
    expect(await dev.artifact(taskId, 'public/shared')).toBe('SECRET');
  });

  it.runIf(process.platform === 'linux').each<[string, string, string]>([
    ['an absolute path', '/proc/self/environ', 'true'],
    ['a link', 'link', 'ln -s /proc/self/environ link'],
    ['a link to a folder', 'link/environ', 'ln -s /proc/self link'],
  ])('by %s to the environment of the worker becomes an error artifact', async (_, path, line) => {
    const artifact = { type: 'file', path, name: 'public/stolen' };
    const { taskId, resolution } = await run(shell(line, { artifacts: [artifact] }));
    expect(resolution).toBe('failed');
    expect(await dev.artifacts(taskId)).toContainEqual(
      expect.objectContaining({ name: 'public/stolen', storageType: 'error' }),
    );
  });

  it('is refused before the commands run if its name would be its absolute path', async () => {
    const { resolution, log } = await run(
      shell('true', { artifacts: [{ type: 'file', path: '/etc/hostname' }] }),
    );
    expect(resolution).toBe('exception/malformed-payload');
    expect(errorsIn(log)).toEqual([
      'artifact "/etc/hostname": its name contains an empty part (a leading or double slash)',
    ]);
  });

  it('is uploaded if a directory contains a link to it', async () => {
    const line = 'mkdir d; echo mine > d/mine.txt; ln -s ../../../outside/secret.txt d/link';
    const artifacts = [{ type: 'directory', path: 'd', name: 'public/d' }];
    const { taskId, resolution } = await run(shell(line, { artifacts }));
    expect(resolution).toBe('completed');
    expect((await dev.artifacts(taskId)).map(({ name, storageType }) => `${name} ${storageType}`)).toEqual(
      expect.arrayContaining(['public/d/mine.txt s3', 'public/d/link s3']),
    );
  });

  it('is not listed for a link to the directory that contains it', async () => {
    const line = 'mkdir d; echo mine > d/mine.txt; ln -s ../../../outside d/link';
    const artifacts = [{ type: 'directory', path: 'd', name: 'public/d' }];
    const { taskId, log } = await run(shell(line, { artifacts }));
    const names = (await dev.artifacts(taskId)).map(({ name }) => name);
    expect(names).toContain('public/d/mine.txt');
    expect(names.filter(name => name.includes('secret.txt'))).toEqual([]);
    expect(log).not.toContain('secret.txt');
  });

  it('is not looked up endlessly in a directory that links to itself', async () => {
    const line = 'mkdir d; echo mine > d/mine.txt; ln -s . d/loop';
    const artifacts = [{ type: 'directory', path: 'd', name: 'public/d' }];
    const { taskId } = await run(shell(line, { artifacts }));
    const names = (await dev.artifacts(taskId)).map(({ name }) => name);
    expect(names.filter(name => name.endsWith('mine.txt'))).toEqual(['public/d/mine.txt']);
  });
});

// generic-worker leaves such an artifact out, with a warning, and the log is where it always is.
it('an artifact with the name of the log does not replace the log', async () => {
  const artifacts = [{ type: 'file', path: 'x.json', name: 'public/logs/live_backing.log' }];
  const { resolution, log } = await run(shell('echo {} > x.json', { artifacts }));
  expect(resolution).toBe('completed');
  expect(log).toMatch(
    /^\[taskcluster:warn 2.*Z\] Not uploading artifact public\/logs\/live_backing\.log found in task\.payload\.artifacts/m,
  );
});

it('afterwards the worker still works, and ends when it is told to', async () => {
  await expectWorkerLives();
  expect(await dev.stop()).toBe(0);
  expect(readdirSync(workplace.temporary)).toEqual([]);
  expect(existsSync(tasksDir)).toBe(true);
});
