import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe } from 'vitest';
import { sh } from './deployment.ts';
import { testOf } from './ways.ts';

const it = testOf('with Pulse');
const METADATA = 'generic-worker-metadata.json';

const MALFORMED = { state: 'exception', runs: [{ reasonResolved: 'malformed-payload' }] };

const withoutTimes = (log: string) => log.replaceAll(/^\[taskcluster(:\w+)?( [^\]]*)?\] /gm, '');

describe.concurrent('osGroups', () => {
  const own = execFileSync('id', ['-Gn'], { encoding: 'utf8' }).trim().split(' ')[0] ?? '';

  it("may be groups of the worker's own user, with a scope for each", async ({ deploy, expect }) => {
    const here = await deploy();
    const worker = await here.startWorker();
    const [{ workerType }] = [await here.status(await here.createTask(sh('true')))];
    const pool = `test/${workerType}`;
    const scopes = [`generic-worker:os-group:${pool}/${own}`];
    const task = { osGroups: [own], ...sh('true') };
    expect(await here.resolved(await here.createTask(task, { scopes }))).toMatchObject({
      state: 'completed',
    });
    const without = await here.createTask(task);
    expect(await here.resolved(without)).toMatchObject(MALFORMED);
    expect(withoutTimes(await here.log(without))).toContain(
      `Feature "osGroups" requires scopes:\n\n${scopes.join('')}\n\nbut task only has scopes:`,
    );
    expect(worker.events.length).toBeGreaterThan(0);
  });

  it('are refused if that user is not in them', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker();
    const taskId = await here.createTask({ osGroups: ['no-such-group', 'nor-this'], ...sh('true') });
    expect(await here.resolved(taskId)).toMatchObject(MALFORMED);
    expect(await here.log(taskId)).toMatch(
      /osGroups: the user of this worker, as which its tasks run, is not in the groups .*no-such-group.*nor-this/,
    );
  });
});

describe.concurrent('runTaskAsCurrentUser', () => {
  it('needs a scope, and has no effect if commands run as that user anyway', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker();
    const task = { features: { runTaskAsCurrentUser: true }, ...sh('id -u') };
    const without = await here.createTask(task);
    expect(await here.resolved(without)).toMatchObject(MALFORMED);
    const { workerType } = await here.status(without);
    const scope = `generic-worker:run-task-as-current-user:test/${workerType}`;
    expect(withoutTimes(await here.log(without))).toContain(scope);
    const taskId = await here.createTask(task, { scopes: [scope] });
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    expect(await here.log(taskId)).toContain(`\n${process.getuid?.()}\n`);
  });
});

describe.concurrent('a feature that does not exist', () => {
  const CONTAINERS_ONLY = 'which only containers can have (capabilities.devices of a docker-worker payload)';
  const WINDOWS = 'which is for workers on Windows only';

  it('is refused with its name', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker();
    const cases = [
      [{ features: { loopbackAudio: true } }, `"loopbackAudio", ${CONTAINERS_ONLY}`],
      [{ features: { loopbackVideo: true } }, `"loopbackVideo", ${CONTAINERS_ONLY}`],
      [{ features: { hideCmdWindow: true } }, `"hideCmdWindow", ${WINDOWS}`],
      [{ features: { runAsAdministrator: true } }, `"runAsAdministrator", ${WINDOWS}`],
      [{ rdpInfo: 'private/rdp.json' }, `"rdpInfo", ${WINDOWS}`],
    ] as const;
    for (const [payload, message] of cases) {
      const taskId = await here.createTask({ ...payload, ...sh('true') });
      expect(await here.resolved(taskId)).toMatchObject(MALFORMED);
      expect(await here.log(taskId)).toContain(`this task is attempting to use feature ${message}\n`);
    }
  });

  it('may be disabled in a payload', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker();
    const names = ['interactive', 'loopbackAudio', 'loopbackVideo', 'hideCmdWindow', 'runAsAdministrator'];
    const features = Object.fromEntries(
      [...names, 'runTaskAsCurrentUser', 'taskclusterProxy'].map(name => [name, false]),
    );
    const taskId = await here.createTask({ features, osGroups: [], ...sh('true') });
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
  });
});

describe.concurrent('a pool that forbids a feature', () => {
  it.for([
    ['enableInteractive', 'interactive', { features: { interactive: true } }],
    ['enableLoopbackAudio', 'loopbackAudio', { features: { loopbackAudio: true } }],
    ['enableLoopbackVideo', 'loopbackVideo', { features: { loopbackVideo: true } }],
    ['enableRunAsAdministrator', 'runAsAdministrator', { features: { runAsAdministrator: true } }],
    ['enableRDP', 'rdpInfo', { rdpInfo: 'private/rdp.json' }],
    ['enableRunTaskAsCurrentUser', 'runTaskAsCurrentUser', { features: { runTaskAsCurrentUser: true } }],
    ['enableOSGroups', 'osGroups', { osGroups: ['no-such-group'] }],
    ['enableTaskclusterProxy', 'taskclusterProxy', { features: { taskclusterProxy: true } }],
  ] as const)(
    'with %s refuses %s with the name of the feature',
    async ([property, name, payload], { deploy, expect }) => {
      const here = await deploy();
      await here.startWorker({ [property]: false });
      const taskId = await here.createTask({ ...payload, ...sh('true') });
      expect(await here.resolved(taskId)).toMatchObject(MALFORMED);
      const { workerType } = await here.status(taskId);
      const log = await here.log(taskId);
      expect(log).toContain(
        `this task is attempting to use feature "${name}", but it's not enabled on this worker pool (test/${workerType})`,
      );
      expect(log).not.toContain('Executing command');
      // Other tasks are not affected.
      expect(await here.resolved(await here.createTask(sh('true')))).toMatchObject({ state: 'completed' });
    },
  );
});

describe.concurrent('supersederUrl', () => {
  it('is accepted and ignored', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker();
    const taskId = await here.createTask({ supersederUrl: 'https://example.com/superseder', ...sh('true') });
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
  });
});

describe.concurrent(METADATA, () => {
  it('has the task that started last, in the directory of all runs', async ({ deploy, expect }) => {
    const here = await deploy();
    const worker = await here.startWorker();
    const file = join(dirname(worker.tasksDir), METADATA);
    for (const command of ['true', 'false']) {
      const taskId = await here.createTask(sh(command));
      await here.resolved(taskId);
      expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
        lastTaskUrl: `${here.rootUrl}/tasks/${taskId}/runs/0`,
      });
    }
    expect(readdirSync(dirname(worker.tasksDir)).sort()).toEqual([METADATA, 'tasks']);
  });

  it('is not written if enableMetadata is false, and no task is refused for that', async ({
    deploy,
    expect,
  }) => {
    const here = await deploy();
    const worker = await here.startWorker({ enableMetadata: false });
    expect(await here.resolved(await here.createTask(sh('true')))).toMatchObject({ state: 'completed' });
    expect(existsSync(join(dirname(worker.tasksDir), METADATA))).toBe(false);
  });

  it('has no effect on tasks if it cannot be written', async ({ deploy, expect }) => {
    const here = await deploy();
    const worker = await here.startWorker();
    const taskId = await here.createTask(sh(`mkdir -p ../../${METADATA}/x && rm -f ../../${METADATA}`));
    await here.resolved(taskId);
    const next = await here.createTask(sh(`rm ../../${METADATA}; mkdir -p ../../${METADATA}/x`));
    await here.resolved(next);
    const last = await here.createTask(sh('true'));
    expect(await here.resolved(last)).toMatchObject({ state: 'completed' });
    const warnings = worker.events.filter(({ type }) => type === 'metadata-not-written');
    expect(warnings).toHaveLength(1);
    expect(readdirSync(dirname(worker.tasksDir)).sort()).toEqual([METADATA, 'tasks']);
  });
});

describe.concurrent('TMPDIR', () => {
  it('is a folder of the run outside the working directory, and is removed with the run', async ({
    deploy,
    expect,
  }) => {
    const here = await deploy();
    const worker = await here.startWorker();
    const script =
      'ls -A; stat -c %a "$TMPDIR"; echo x > "$TMPDIR/x"; mktemp; mkdir "$TMPDIR/a"; chmod 0 "$TMPDIR/a"';
    const taskId = await here.createTask(sh(script));
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    const lines = (await here.log(taskId)).split('\n');
    const begin = lines.findIndex(line => line.includes('Executing command 0'));
    expect(lines[begin + 1]).toBe('700');
    expect(lines[begin + 2]).toMatch(
      new RegExp(`^${worker.tasksDir}/task_[^/]*/tmp\\.|^${worker.tasksDir}/task_[^/]*\\.tmp/tmp\\.`),
    );
    await expect
      .poll(() => readdirSync(worker.tasksDir).filter(name => name.startsWith('task_')))
      .toEqual([]);
  });

  it('has the value of the payload if there is one', async ({ deploy, expect }) => {
    const here = await deploy();
    const worker = await here.startWorker();
    const taskId = await here.createTask({
      env: { TMPDIR: '/var/tmp' },
      ...sh('echo "[$TMPDIR]"; ls -A ..'),
    });
    await here.resolved(taskId);
    const log = await here.log(taskId);
    expect(log).toContain('\n[/var/tmp]\n');
    expect(log).not.toContain('.tmp\n');
    expect(worker.events.length).toBeGreaterThan(0);
  });
});
