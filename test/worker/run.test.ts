import { writeFile } from 'node:fs/promises';
import { describe } from 'vitest';
import { sh, type Deployment } from './deployment.ts';
import { testOf, WAYS } from './ways.ts';
import { runFiles } from './run-files.ts';

describe.concurrent.each(WAYS)('a run, %s,', way => {
  const it = testOf(way);

  const logOf = async (here: Deployment, taskId: string) => {
    const lines = (await here.log(taskId)).split('\n');
    return lines.map(line => line.replace(/^(\[taskcluster(?::warn)?) [^\]]*\]/, '$1]'));
  };

  it('completes, has a complete log, and leaves no files', async ({ deploy, expect }) => {
    const here = await deploy();
    const worker = await here.startWorker();
    const taskId = await here.createTask({ command: [['sh', '-c', 'echo out; echo err >&2'], ['true']] });
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });

    const lines = await logOf(here, taskId);
    const told = lines.slice(lines.indexOf('[taskcluster] === Task Starting ==='));
    expect(told.filter(line => !/Time|Duration:|Memory|Storage/.test(line))).toEqual([
      '[taskcluster] === Task Starting ===',
      "[taskcluster] Executing command 0: sh -c 'echo out; echo err >&2'",
      'out',
      'err',
      '[taskcluster]                        Exit Code: 0',
      '[taskcluster]                           Result: SUCCEEDED',
      '[taskcluster] Executing command 1: true',
      '[taskcluster]                        Exit Code: 0',
      '[taskcluster]                           Result: SUCCEEDED',
      '[taskcluster] === Task Finished ===',
      '',
    ]);
    expect(lines).toContain(`[taskcluster] Task ID: ${taskId}`);
    await expect.poll(() => runFiles(worker.tasksDir)).toEqual([]);
  });

  it('uploads its log gzipped, and live.log as a link to it', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker();
    const taskId = await here.createTask(sh('echo hello'));
    await here.resolved(taskId);
    expect(await here.artifacts(taskId)).toEqual([
      expect.objectContaining({ name: 'public/logs/live.log', storageType: 'link' }),
      expect.objectContaining({
        name: 'public/logs/live_backing.log',
        storageType: 's3',
        contentType: 'text/plain; charset=utf-8',
      }),
    ]);
    const live = await fetch(
      `${here.rootUrl}/api/queue/v1/task/${taskId}/runs/0/artifacts/${encodeURIComponent('public/logs/live.log')}`,
    );
    expect(live.headers.get('content-encoding')).toBe('gzip');
    expect(await live.text()).toContain('\nhello\n');
  });

  it('fails with the first command that fails, and does not run the next', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker();
    const taskId = await here.createTask({
      command: [
        ['sh', '-c', 'exit 3'],
        ['echo', 'never'],
      ],
    });
    expect(await here.resolved(taskId)).toMatchObject({ state: 'failed' });
    const lines = await logOf(here, taskId);
    expect(lines).toContain('[taskcluster]                        Exit Code: 3');
    expect(lines).toContain('[taskcluster]                           Result: FAILED');
    expect(lines.at(-2)).toBe('[taskcluster:error] exit status 3');
    expect(lines.join()).not.toContain('never');
  });

  it('is retried if its exit code is one of onExitStatus.retry', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker();
    const script = 'test "$RUN_ID" -ge 1 || exit 42';
    const taskId = await here.createTask({ ...sh(script), onExitStatus: { retry: [42] } });
    const { runs, state } = await here.resolved(taskId);
    expect(state).toBe('completed');
    expect(runs.map(run => [run.reasonCreated, run.state, run.reasonResolved])).toEqual([
      ['scheduled', 'exception', 'intermittent-task'],
      ['task-retry', 'completed', 'completed'],
    ]);
    expect((await logOf(here, taskId)).at(-2)).toBe(
      '[taskcluster:error] task appears to have failed intermittently - exit code 42 found in task payload.onExitStatus list',
    );
  });

  it('fails after maxRunTime, and still uploads its artifacts', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker();
    const taskId = await here.createTask({
      ...sh('echo kept > kept.txt; exec sleep 600'),
      maxRunTime: 1,
      artifacts: [{ type: 'file', path: 'kept.txt', name: 'public/kept.txt' }],
    });
    expect(await here.resolved(taskId)).toMatchObject({ state: 'failed' });
    expect((await here.artifact(taskId, 'public/kept.txt')).toString()).toBe('kept\n');
    const lines = await logOf(here, taskId);
    expect(lines).toContain('[taskcluster:error] Aborting task...');
    expect(lines.at(-2)).toBe('[taskcluster:error] task aborted - max run time exceeded');
  });

  it('fails if the path of an artifact is too long for a message of the queue', async ({
    deploy,
    expect,
  }) => {
    const here = await deploy();
    await here.startWorker();
    const taskId = await here.createTask({
      ...sh('true'),
      artifacts: [{ type: 'file', path: 'a'.repeat(4096), name: 'public/a' }],
    });
    expect((await here.resolved(taskId)).state).toBe('failed');
    expect(await here.log(taskId)).toMatch(
      /error\] TASK FAILURE during artifact upload: file-not-readable-on-worker: Could not read/,
    );
  });

  it('has a clean environment, with forced variables that a payload cannot change', async ({
    deploy,
    expect,
  }) => {
    const here = await deploy();
    process.env.SECRET_OF_THE_WORKER = 'visible';
    await here.startWorker({ workerLocation: '{"cloud":"none"}' });
    const taskId = await here.createTask({
      command: [['env']],
      env: { MINE: 'yes', PATH: '/bin:/usr/bin', TASK_ID: 'forged', RUN_ID: '99' },
    });
    const { taskGroupId } = await here.resolved(taskId);
    const log = await here.log(taskId);
    const variables = Object.fromEntries(
      log
        .split('\n')
        .filter(line => /^[A-Z_]+=/.test(line))
        .map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    delete process.env.SECRET_OF_THE_WORKER;
    const folder = variables.TASK_WORKDIR;
    expect(folder).toMatch(/^\//);
    expect(variables).toEqual({
      PATH: '/bin:/usr/bin',
      HOME: folder,
      USER: expect.any(String),
      LANG: 'C.UTF-8',
      TMPDIR: `${folder}.tmp`,
      MINE: 'yes',
      TASK_ID: taskId,
      RUN_ID: '0',
      TASK_WORKDIR: folder,
      TASK_GROUP_ID: taskGroupId,
      TASKCLUSTER_ROOT_URL: here.rootUrl,
      TASKCLUSTER_WORKER_LOCATION: '{"cloud":"none"}',
    });
  });

  it('never logs the tokens of its claim or its worker', async ({ deploy, expect }) => {
    const here = await deploy();
    let token = '';
    const worker = await here.startWorker(
      {},
      {
        watch: queue => ({
          ...queue,
          claimWork: async tasks => {
            const claims = await queue.claimWork(tasks);
            token = claims[0]?.lease.credentials.accessToken.reveal() ?? token;
            return claims;
          },
        }),
      },
    );
    // The task cannot know the token. The test writes it to a file, as if somebody had given it to the task.
    const taskId = await here.createTask(
      sh('while ! test -s token; do sleep 0.05; done; cat token; echo; echo done'),
    );
    await expect.poll(() => runFiles(worker.tasksDir)).toContain(`task_${taskId}_0`);
    await writeFile(`${worker.tasksDir}/task_${taskId}_0/token`, `before ${token} after`);
    await here.resolved(taskId);
    const log = await here.log(taskId);
    expect(token.length).toBeGreaterThan(20);
    expect(log).not.toContain(token);
    expect(log).toContain('before [redacted] after');
  });

  describe('artifacts', () => {
    it('are uploaded, files and directories, with their types', async ({ deploy, expect }) => {
      const here = await deploy();
      await here.startWorker();
      const taskId = await here.createTask({
        ...sh(
          'mkdir -p out/deep; echo text > out/a.txt; printf "\\000\\001" > out/deep/b.bin; echo "{}" > one.json',
        ),
        artifacts: [
          { type: 'directory', path: 'out', name: 'public/out' },
          { type: 'file', path: 'one.json' },
        ],
      });
      expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
      const artifacts = await here.artifacts(taskId);
      expect(artifacts.map(({ name, contentType }) => [name, contentType])).toEqual(
        expect.arrayContaining([
          ['one.json', 'application/json'],
          ['public/out/a.txt', 'text/plain; charset=utf-8'],
          ['public/out/deep/b.bin', 'application/octet-stream'],
        ]),
      );
      expect(await here.artifact(taskId, 'public/out/deep/b.bin')).toEqual(Buffer.from([0, 1]));
    });

    it('that are missing fail the task unless they are optional', async ({ deploy, expect }) => {
      const here = await deploy();
      await here.startWorker();
      const [needed, optional] = await Promise.all([
        here.createTask({ command: [['true']], artifacts: [{ type: 'file', path: 'x' }] }),
        here.createTask({ command: [['true']], artifacts: [{ type: 'file', path: 'x', optional: true }] }),
      ]);
      expect(await here.resolved(needed)).toMatchObject({ state: 'failed' });
      expect(await here.resolved(optional)).toMatchObject({ state: 'completed' });
      for (const taskId of [needed, optional]) {
        expect(await here.artifacts(taskId)).toContainEqual(
          expect.objectContaining({ name: 'x', storageType: 'error' }),
        );
      }
      expect(await here.log(needed)).toMatch(
        /\[taskcluster:error\] TASK FAILURE during artifact upload: file-missing-on-worker: Could not read file '.*\/x'/,
      );
    });
  });
});
