import { readdir } from 'node:fs/promises';
import { afterEach, describe, expect, inject, it, onTestFinished } from 'vitest';
import { queueExchanges } from '../../src/exchanges/index.ts';
import { connect } from '../../src/pulse/index.ts';
import { faultProxy } from '../harness/fault-proxy.ts';
import { newMark, processesWith, queueForWorkers } from './workers.ts';

let here: Awaited<ReturnType<typeof queueForWorkers>>;
afterEach(() => here.close());

describe('a worker exits by itself', () => {
  it('after idleTimeoutSecs without a task (68)', async () => {
    here = await queueForWorkers();
    const worker = here.start('--idle-timeout-secs=1');
    const taskId = await here.create('sleep 1.5');
    expect(await worker.exited).toBe(68);
    await here.reaches(taskId, 'completed');
    expect(await readdir(here.tasksDir)).toEqual([]);
  });

  it('after numberOfTasksToRun, counted across restarts and crashes (0)', async () => {
    here = await queueForWorkers();
    const start = () => here.start('--number-of-tasks-to-run=3', '--worker-id=counted');
    const first = start();
    const one = await here.create('true');
    await here.reaches(one, 'completed');
    await first.says('run', { taskId: one, phase: 'resolved' });
    await first.kill();

    const again = start();
    const two = await here.create('true');
    await here.reaches(two, 'completed');
    await again.says('run', { taskId: two, phase: 'resolved' });
    again.child.kill('SIGTERM');
    expect(await again.exited).toBe(72);

    const last = start();
    await here.reaches(await here.create('true'), 'completed');
    expect(await last.exited).toBe(0);
    expect(await readdir(here.tasksDir)).toEqual([]);

    // All are done, so the count begins anew.
    const anew = start();
    await here.reaches(await here.create('true'), 'completed');
    await anew.says('resolved');
    expect(anew.child.exitCode).toBeNull();
  });
});

describe('a worker that receives SIGTERM', () => {
  it('reports to the queue in time, even if its task ignores signals', async () => {
    here = await queueForWorkers();
    const mark = newMark();
    const worker = here.start('--kill-grace-secs=600', '--shutdown-grace-secs=5');
    const taskId = await here.create(`trap '' TERM; sleep ${mark}; sleep ${mark}`);
    await expect.poll(() => processesWith(`sleep\0${mark}`)).toHaveLength(1);
    worker.child.kill('SIGTERM');
    expect(await worker.exited).toBe(72);
    expect(await processesWith(`sleep\0${mark}`)).toEqual([]);
    expect((await here.status(taskId)).runs[0]).toMatchObject({ reasonResolved: 'worker-shutdown' });
    expect(worker.lines().map(({ msg }) => msg)).not.toContainEqual(
      expect.stringContaining('not done in time'),
    );
    expect(await readdir(here.tasksDir)).toEqual([]);
  });

  it('reports to the queue in time even if its task is being stopped for another reason', async () => {
    here = await queueForWorkers();
    const worker = here.start('--kill-grace-secs=600', '--shutdown-grace-secs=10');
    const taskId = await here.create(`trap '' TERM; while :; do sleep 1; done`, {}, { maxRunTime: 1 });
    await worker.says('run', { taskId, phase: 'running', stop: 'max-run-time' });
    worker.child.kill('SIGTERM');
    expect(await worker.exited).toBe(72);
    expect(await here.status(taskId)).toMatchObject({ state: 'failed' });
    expect(await readdir(here.tasksDir)).toEqual([]);
  });

  it('exits in time even if Pulse does not answer', async () => {
    here = await queueForWorkers();
    const owner = connect({ url: inject('queuePulseUrl') });
    for (const { exchange } of Object.values(queueExchanges)) await owner.declareExchange(exchange);
    await owner.close();
    const url = new URL(inject('pulseUrl'));
    const proxy = await faultProxy({ host: url.hostname, port: Number(url.port) });
    onTestFinished(() => proxy.close());
    url.port = String(proxy.port);
    const worker = here.start(`--pulse-url=${url.href}`, '--shutdown-grace-secs=5');
    await worker.says('worker listening', { pulse: 'up' });
    proxy.freeze();
    const told = performance.now();
    worker.child.kill('SIGTERM');
    expect(await worker.exited).toBe(72);
    // By itself, the connection would be waited for for twelve.
    expect(performance.now() - told).toBeLessThan(11_000);
  });

  it('exits in time even if the queue does not answer, and leaves no process', async () => {
    here = await queueForWorkers();
    const mark = newMark();
    const proxy = await faultProxy({ host: '127.0.0.1', port: here.local.port });
    onTestFinished(() => proxy.close());
    const worker = here.start(`--root-url=http://127.0.0.1:${proxy.port}`, '--shutdown-grace-secs=2');
    await here.create(`sleep ${mark}`);
    await expect.poll(() => processesWith(`sleep\0${mark}`)).toHaveLength(1);
    proxy.freeze();
    const told = performance.now();
    worker.child.kill('SIGTERM');
    expect(await worker.exited).toBe(72);
    // The queue would be waited for for minutes.
    expect(performance.now() - told).toBeLessThan(20_000);
    await worker.says(
      'not done in time: running tasks are killed, and claims that were not given back will expire',
    );
    await expect.poll(() => processesWith(`sleep\0${mark}`)).toEqual([]);

    // What it could not clean up any more, the next one does.
    const next = here.start();
    await next.says('removed what remained of a run after its worker died');
    next.child.kill('SIGTERM');
    await next.exited;
    expect(await readdir(here.tasksDir)).toEqual([]);
  });
});

describe('a worker that finishes its tasks after SIGINT', () => {
  it('shuts down properly when a service manager or a spot notice sends SIGTERM afterwards', async () => {
    here = await queueForWorkers();
    const mark = newMark();
    const worker = here.start('--capacity=2');
    const taskId = await here.create(`sleep ${mark}`);
    await expect.poll(() => processesWith(`sleep\0${mark}`)).toHaveLength(1);
    worker.child.kill('SIGINT');
    await worker.says('worker draining', { because: 'stopped' });
    worker.child.kill('SIGTERM');
    expect(await worker.exited).toBe(72);
    expect((await here.status(taskId)).runs).toMatchObject([
      { reasonResolved: 'worker-shutdown' },
      { state: 'pending' },
    ]);
    expect(await processesWith(`sleep\0${mark}`)).toEqual([]);
    expect(await readdir(here.tasksDir)).toEqual([]);
  });

  it('is not forced by SIGINT after SIGTERM, which requests less', async () => {
    here = await queueForWorkers();
    const worker = here.start('--kill-grace-secs=600', '--shutdown-grace-secs=6');
    const mark = newMark();
    const taskId = await here.create(`trap '' TERM; while :; do sleep ${mark}; done`);
    await expect.poll(() => processesWith(`sleep\0${mark}`)).toHaveLength(1);
    worker.child.kill('SIGTERM');
    await worker.says('run', { taskId, phase: 'running', stop: 'worker-shutdown' });
    worker.child.kill('SIGINT');
    expect(await worker.exited).toBe(72);
    expect((await here.status(taskId)).runs[0]).toMatchObject({ reasonResolved: 'worker-shutdown' });
  });

  it('shuts down properly when its terminal closes, which sends two signals', async () => {
    here = await queueForWorkers();
    const worker = here.start();
    const mark = newMark();
    const taskId = await here.create(`sleep ${mark}`);
    await expect.poll(() => processesWith(`sleep\0${mark}`)).toHaveLength(1);
    worker.child.kill('SIGHUP');
    worker.child.kill('SIGHUP');
    expect(await worker.exited).toBe(72);
    expect((await here.status(taskId)).runs[0]).toMatchObject({ reasonResolved: 'worker-shutdown' });
  });

  it('exits at once after a second SIGINT', async () => {
    here = await queueForWorkers();
    const mark = newMark();
    const worker = here.start();
    await here.create(`sleep ${mark}`);
    await expect.poll(() => processesWith(`sleep\0${mark}`)).toHaveLength(1);
    worker.child.kill('SIGINT');
    await worker.says('worker draining', { because: 'stopped' });
    worker.child.kill('SIGINT');
    expect(await worker.exited).toBe(72);
    await expect.poll(() => processesWith(`sleep\0${mark}`)).toEqual([]);
  });
});
