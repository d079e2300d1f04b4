import { mkdtemp, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { taskOomScore } from '../../../src/worker/engines/native/pid-namespace/limits.ts';
import { newMark, processesWith, queueForWorkers } from '../../cli/workers.ts';
import { tcw } from '../../cli/tcw.ts';
import { PATIENCE_MS, TEST_MS } from '../../patience.ts';
import { playRunner, type PlayOptions } from './played-runner.ts';

const LOCATION = { cloud: 'google', region: 'us-east1', zone: 'us-east1-b' };

describe('tcw run under worker-runner', { timeout: TEST_MS }, () => {
  let here: Awaited<ReturnType<typeof queueForWorkers>>;
  let folder: string;

  beforeEach(async () => {
    here = await queueForWorkers();
    folder = await mkdtemp(join(tmpdir(), 'tcw-runner-'));
  });
  afterEach(async () => {
    await here.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** The configuration as start-worker writes it on Google. */
  const play = (config: object = {}, options: Partial<PlayOptions> = {}) =>
    playRunner({
      folder,
      config: {
        rootURL: here.local.rootUrl,
        clientId: 'worker',
        accessToken: here.environment.TCW_ACCESS_TOKEN,
        provisionerId: 'test',
        workerType: 'processes',
        workerGroup: 'group',
        workerId: 'w-runner',
        workerLocation: JSON.stringify(LOCATION),
        workerTypeMetadata: { 'machine-type': 'n1-standard-4' },
        instanceID: '4711',
        instanceType: 'projects/1/machineTypes/n1-standard-4',
        region: 'us-east1',
        tasksDir: here.tasksDir,
        enableMetadata: false,
        requiredDiskSpaceMegabytes: 1,
        ...config,
      },
      ...options,
    });
  const finished = (taskId: string) => here.reaches(taskId, 'completed');

  it('answers the welcome, logs only through the runner, and stops after graceful-termination (72)', async () => {
    const runner = await play();
    await runner.logs('running under worker-runner');
    expect(runner.messages[0]).toEqual({
      type: 'hello',
      capabilities: ['error-report', 'graceful-termination', 'log', 'new-credentials', 'shutdown'],
    });
    const sleeping = newMark();
    const taskId = await here.create(`sleep ${sleeping}`);
    await expect.poll(() => processesWith(`sleep\0${sleeping}`), { timeout: PATIENCE_MS }).toHaveLength(1);
    // Azure repeats it each second.
    for (let times = 0; times < 5; times++) {
      runner.say({ type: 'graceful-termination', 'finish-tasks': false });
    }
    expect(await runner.exited).toBe(72);
    expect((await here.status(taskId)).runs[0]).toMatchObject({
      state: 'exception',
      reasonResolved: 'worker-shutdown',
    });
    expect(await processesWith(`sleep\0${sleeping}`)).toEqual([]);
    const gone = runner
      .logged()
      .filter(({ textPayload }) => String(textPayload).startsWith('the worker shuts down'));
    expect(gone).toHaveLength(1);
    expect(runner.ofType('shutdown')).toEqual([]);
    expect(runner.text).toEqual([]);
    expect(runner.stderr()).toBe('');
  });

  it('finishes its tasks after graceful-termination with finish-tasks (71)', async () => {
    const runner = await play();
    const taskId = await here.create('sleep 1');
    await runner.logs('claimed', { taskId });
    runner.say({ type: 'graceful-termination', 'finish-tasks': true });
    expect(await runner.exited).toBe(71);
    await finished(taskId);
  });

  it('reads the output of start-worker: a location as text, instanceID', async () => {
    const runner = await play();
    const taskId = await here.create('echo "place: $TASKCLUSTER_WORKER_LOCATION"');
    await finished(taskId);
    expect(await here.artifact(taskId, 'public/logs/live_backing.log')).toContain(
      `place: ${JSON.stringify(LOCATION)}`,
    );
    const warned = runner.logged().filter(({ level }) => level === 'warn');
    expect(warned.filter(({ textPayload }) => /instanceID|spelling/i.test(String(textPayload)))).toEqual([]);
  });

  it('gives tasks neither the pipes of the runner nor its OOM score', async () => {
    // start-worker makes itself and the worker the last that the kernel ends, which takes CAP_SYS_RESOURCE.
    const before = ['sh', '-c', '{ echo -1000 >/proc/self/oom_score_adj; } 2>/dev/null; exec "$0" "$@"'];
    const runner = await play({}, { before });
    const taskId = await here.create(
      'cat /proc/self/oom_score_adj; ls -l /proc/self/fd | sed "s/^.* -> /fd /"; cat; echo end',
    );
    await finished(taskId);
    const log = await here.artifact(taskId, 'public/logs/live_backing.log');
    const own = await readFile(`/proc/${runner.child.pid ?? 0}/oom_score_adj`, 'utf8');
    expect(log.split(/\r?\n/)).toContain(String(taskOomScore(Number(own))));
    for (const fd of [0, 1, 2]) {
      const pipe = await readlink(`/proc/${runner.child.pid ?? 0}/fd/${fd}`);
      expect(pipe).toMatch(/^(pipe|socket):/);
      expect(log).not.toContain(pipe);
    }
    expect(runner.text).toEqual([]);
  });

  it('lets the runner notice at once that the worker was killed during a task', async () => {
    const runner = await play();
    const sleeping = newMark();
    await here.create(`sleep ${sleeping}`);
    await expect.poll(() => processesWith(`sleep\0${sleeping}`), { timeout: PATIENCE_MS }).toHaveLength(1);
    const ended = new Promise(resolve => runner.child.stdout?.on('close', resolve));
    runner.child.kill('SIGKILL');
    await runner.exited;
    await ended;
    await expect.poll(() => processesWith(`sleep\0${sleeping}`), { timeout: PATIENCE_MS }).toEqual([]);
  });

  it('reports an error of its configuration to the pool (73)', async () => {
    const runner = await play({ capacity: 0 });
    expect(await runner.exited).toBe(73);
    expect(runner.ofType('error-report')).toMatchObject([
      {
        kind: 'worker-error',
        title: 'tcw error',
        extra: {},
        description: expect.stringContaining('capacity') as string,
      },
    ]);
    expect(JSON.stringify(runner.messages)).not.toContain(here.environment.TCW_ACCESS_TOKEN);
  });

  it.each([
    ['shutdownMachineOnIdle', true, 1],
    ['shutdownMachineOnIdle', false, 0],
  ])('requests the end of the machine after 68 with %s: %s', async (property, value, times) => {
    const runner = await play({ idleTimeoutSecs: 1, [property]: value });
    expect(await runner.exited).toBe(68);
    expect(runner.ofType('shutdown')).toHaveLength(times);
  });

  it('shuts the machine down itself if the runner cannot', async () => {
    const proof = join(folder, 'shut-down');
    const runner = await play(
      { idleTimeoutSecs: 1, shutdownMachineOnIdle: true, shutdownMachineCommand: ['touch', proof] },
      { capabilities: ['log', 'something-else'] },
    );
    expect(await runner.exited).toBe(68);
    expect(await readFile(proof, 'utf8')).toBe('');
    expect(runner.ofType('shutdown')).toEqual([]);
  });

  it('reports a machine on which it cannot work, and requests its end (69)', async () => {
    const runner = await play({
      engine: 'docker',
      dockerHost: `unix://${join(folder, 'no-engine')}`,
      shutdownMachineOnInternalError: true,
    });
    expect(await runner.exited).toBe(69);
    expect(runner.ofType('error-report')).toMatchObject([
      { kind: 'worker-error', description: expect.stringContaining('no-engine') as string },
    ]);
    expect(runner.messages.at(-1)).toEqual({ type: 'shutdown' });
  });

  it('continues when the runner dies, logs that, and shuts nothing down', async () => {
    const runner = await play();
    await runner.logs('running under worker-runner');
    runner.end();
    await expect.poll(runner.stderr, { timeout: PATIENCE_MS }).toContain('worker-runner has ended');
    await finished(await here.create('true'));
    runner.child.kill('SIGINT');
    expect(await runner.exited).toBe(71);
  });

  it('works, and ends, even if the runner never reads and its pipe is full', async () => {
    const code = join(folder, 'code');
    // Exactly what a pipe of Linux holds; its reader waits for the worker's end.
    const before = [
      'sh',
      '-c',
      '{ head -c 65536 /dev/zero; "$0" "$@"; echo $? >"$CODE"; } | while [ ! -s "$CODE" ]; do sleep 0.2; done',
    ];
    const runner = await play({ logLevel: 'debug' }, { before, environment: { CODE: code } });
    await finished(await here.create('true'));
    runner.say({ type: 'graceful-termination', 'finish-tasks': false });
    await runner.exited;
    expect(await readFile(code, 'utf8')).toBe('72\n');
  });

  it('works without a welcome, and then logs to standard error', async () => {
    const runner = await play({}, { isSilent: true });
    await expect.poll(runner.stderr, { timeout: PATIENCE_MS }).toContain('"phase":"listening"');
    expect(runner.messages).toEqual([]);
    runner.child.kill('SIGTERM');
    expect(await runner.exited).toBe(72);
  });

  it('ignores invalid messages, and never logs them', async () => {
    const runner = await play();
    await runner.logs('running under worker-runner');
    runner.write('~{"type":"new-credentials","access-token":"half-a-tok\n');
    runner.write('~{"type":7}\n~[]\n\n   \n~{}\n\u0000\u0001\n');
    runner.write(
      '~{"type":"new-credentials","client-id":"other","access-token":"half-a-token","certificate":"no"}\n',
    );
    runner.write('~{"type":"unheard-of"}\r\n');
    runner.write(`~{"type":"log","x":"${'y'.repeat(3_000_000)}"}\n`);
    runner.write('~{"type":"graceful-termination"');
    await runner.logs('new credentials from worker-runner cannot be used');
    await runner.logs('a line was too long');
    await runner.logs('does not know', { type: 'unheard-of' });
    await finished(await here.create('true'));
    expect(JSON.stringify(runner.messages)).not.toContain('half-a-tok');
    runner.write(',"finish-tasks":true}\n');
    expect(await runner.exited).toBe(71);
  });

  it('refuses the pipe of a Windows service (64)', async () => {
    const { exitCode, stderr } = await tcw([
      'run',
      '--worker-runner-protocol-pipe',
      '\\\\.\\pipe\\generic-worker',
      '--with-worker-runner',
    ]);
    expect(exitCode).toBe(64);
    expect(stderr).toMatch(
      /^tcw: --worker-runner-protocol-pipe is for services of Windows: leave it out.*\n$/,
    );
  });
});
