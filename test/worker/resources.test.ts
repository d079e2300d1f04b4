import { describe } from 'vitest';
import { sh, type Deployment } from './deployment.ts';
import { testOf } from './ways.ts';

/** Long enough for a measurement on any machine. The monitor measures every half second. */
const LOOKED_AT = 'sleep 2.5';
const ARTIFACT = 'public/monitoring/resource-usage.json';
/** Limits that every machine exceeds. */
const TIGHT = { maxMemoryUsagePercent: 0, minAvailableMemoryBytes: 1e15, allowedHighMemoryDurationSecs: 1 };

interface Report {
  readonly version: number;
  readonly machine: { readonly processors: number; readonly totalMemoryBytes: number };
  readonly commands: readonly Record<string, number>[];
  readonly samples: Readonly<Record<string, readonly number[]>>;
}

describe.concurrent('the resource monitor', () => {
  const it = testOf('with Pulse');

  const linesOf = async (here: Deployment, taskId: string) =>
    (await here.log(taskId))
      .split('\n')
      .map(line => line.replace(/^(\[taskcluster(?::warn)?) [^\]]*\]/, '$1]'));

  const wanting = (script: string, features: Readonly<Record<string, boolean>>) => ({
    ...sh(script),
    features,
  });

  it('reports in the summary of a command what it used and what was left', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker();
    const taskId = await here.createTask(
      sh(`head -c 50000000 /dev/zero | tail -c 1 >/dev/null; ${LOOKED_AT}`),
    );
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    const lines = await linesOf(here, taskId);
    const labels = lines.flatMap(line => /^\[taskcluster\] +(\S[^:]*): /.exec(line)?.[1] ?? []);
    const summary = labels.slice(labels.indexOf('Exit Code'), labels.indexOf('Result') + 1);
    expect(summary.filter(label => !label.endsWith('Storage'))).toEqual([
      'Exit Code',
      'User Time',
      'Kernel Time',
      'Wall Time',
      'CPU Time of All Processes',
      'Peak Memory of All Processes',
      'Average Available System Memory',
      'Average System Memory Used',
      'Peak System Memory Used',
      'Total System Memory',
      'Result',
    ]);
    expect(lines.find(line => line.includes('Total System Memory'))).toMatch(/: \d+\.\d\d GiB$/);
  });

  it('reports nothing for a command that was too short, or if it is disabled', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker();
    const quick = await here.createTask({ command: [['true'], ['true']] });
    const off = await here.createTask(wanting(LOOKED_AT, { resourceMonitor: false }));
    await Promise.all([here.resolved(quick), here.resolved(off)]);
    expect(await here.log(off)).not.toMatch(/Memory|of All Processes/);
    expect((await here.artifacts(off)).map(({ name }) => name)).not.toContain(ARTIFACT);
  });

  it('uploads the usage of a task over time if the task asks for it', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker();
    const burn = 'i=0; while [ $i -lt 500000 ]; do i=$((i+1)); done';
    const taskId = await here.createTask({
      command: [['true'], ['sh', '-c', `${burn}; ${LOOKED_AT}; exit 3`]],
      features: { resourceUsage: true },
      artifacts: [{ type: 'file', path: 'own', name: ARTIFACT }],
    });
    expect(await here.resolved(taskId)).toMatchObject({ state: 'failed' });
    const { version, machine, commands, samples } = JSON.parse(
      String(await here.artifact(taskId, ARTIFACT)),
    ) as Report;
    expect(version).toBe(1);
    expect(machine.processors).toBeGreaterThan(0);
    expect(machine.totalMemoryBytes).toBeGreaterThan(0);
    expect(commands.map(({ index, exitCode }) => [index, exitCode])).toEqual([
      [0, 0],
      [1, 3],
    ]);
    expect(commands[1]?.userMs).toBeGreaterThan(100);
    expect(commands[1]?.peakMemoryBytes).toBeGreaterThan(0);
    expect((commands[1]?.endMs ?? 0) - (commands[1]?.startMs ?? 0)).toBeGreaterThan(2_000);
    const lengths = Object.values(samples).map(column => column.length);
    expect(new Set(lengths).size).toBe(1);
    expect(lengths[0]).toBeGreaterThan(2);
    expect(samples.userMs?.at(-1)).toBeGreaterThan(100);
    expect(samples.timeMs).toEqual(samples.timeMs?.toSorted((one, other) => one - other));
    expect(await here.log(taskId)).toContain(`Not uploading artifact ${ARTIFACT} found in task.payload`);
  });

  it('stops a task while memory is short, with the message of generic-worker', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker(TIGHT);
    const taskId = await here.createTask(wanting('sleep 600', { resourceUsage: true }));
    expect(await here.resolved(taskId)).toMatchObject({ state: 'failed' });
    const lines = await linesOf(here, taskId);
    const short = 'above 0% and available memory less than 931322.57 GiB';
    expect(lines).toContain(`[taskcluster:warn] Memory usage ${short} persisted for over 1s!`);
    expect(lines).toContain('[taskcluster:error] Aborting task...');
    expect(lines.at(-2)).toBe(`[taskcluster:error] task aborted due to sustained memory usage ${short}`);
    // The usage until then is still reported.
    const report = JSON.parse(String(await here.artifact(taskId, ARTIFACT))) as Report;
    expect(report.samples.timeMs?.length).toBeGreaterThan(0);
    expect(report.commands).toEqual([expect.objectContaining({ index: 0, startMs: 0 })]);
    expect(report.commands[0]).not.toHaveProperty('exitCode');
  });

  it('only warns if the pool disables the protection', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker({ ...TIGHT, disableOOMProtection: true });
    const taskId = await here.createTask(sh('sleep 4'));
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    expect((await here.log(taskId)).match(/OOM protections are disabled, continuing task/g)).toHaveLength(1);
  });

  it('can be disabled: nothing is measured then, and a task that asks for more is refused', async ({
    deploy,
    expect,
  }) => {
    const here = await deploy();
    await here.startWorker({ ...TIGHT, enableResourceMonitor: false });
    const plain = await here.createTask(sh(LOOKED_AT));
    const wants = await here.createTask(wanting('true', { resourceUsage: true }));
    expect(await here.resolved(plain)).toMatchObject({ state: 'completed' });
    expect(await here.log(plain)).not.toMatch(/System Memory|of All Processes/);
    const { state, runs } = await here.resolved(wants);
    expect([state, runs?.[0]?.reasonResolved]).toEqual(['exception', 'malformed-payload']);
    expect(await here.log(wants)).toMatch(
      /this task is attempting to use feature "resourceMonitor", but it's not enabled on this worker pool \(test\//,
    );
  });
});
