import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { RunCalls } from '../../../src/taskcluster/index.ts';
import type { Outcome } from '../../../src/worker/outcome.ts';
import type { ActiveRun } from '../../../src/worker/run/active-run.ts';
import { STOP_RULES, type StopReason } from '../../../src/worker/run/stop.ts';
import { openTaskLog } from '../../../src/worker/task-log/task-log.ts';
import { upload } from '../../../src/worker/run/upload.ts';
import { fakeTimers } from '../../streams/virtual-time.ts';
import { activeRun, startLog, TASK_ID } from './active-run.ts';
import { memoryLog } from './memory-log.ts';

const COMPLETED: Outcome = { result: 'completed' };

describe('an upload', () => {
  it.each<[Outcome, Outcome['result']]>([
    [COMPLETED, 'exception'],
    [{ result: 'failed', message: 'exit status 1' }, 'failed'],
  ])(
    'that fails for an internal reason resolves the run as an exception, unless it has failed: %j becomes %s',
    async (outcome, result) => {
      const { run, events } = activeRun();
      const full = new Error('ENOSPC: no space left on device');
      await startLog(run, { ...memoryLog(), end: () => Promise.reject(full) });
      expect(await lastValueFrom(upload(run, outcome))).toMatchObject({ result });
      expect(events.lines).toMatchObject([{ level: 'warn', fields: { taskId: TASK_ID, err: full } }]);
    },
  );

  it('of a log that is incomplete because the disk is full is an exception', async () => {
    const { run } = activeRun();
    const failure = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    await startLog(run, { ...memoryLog(), failure });
    run.stop('claim-lost');
    expect(await lastValueFrom(upload(run, COMPLETED))).toEqual({
      result: 'exception',
      reason: 'resource-unavailable',
      message: 'this machine has run out of disk space: ENOSPC: no space left on device',
    });
    const failed: Outcome = { result: 'failed', message: 'exit status 1' };
    expect(await lastValueFrom(upload(run, failed))).toBe(failed);
  });

  it('is skipped without a log', async () => {
    const { run } = activeRun();
    expect(await lastValueFrom(upload(run, COMPLETED))).toBe(COMPLETED);
  });

  it.each<StopReason>(['canceled', 'max-run-time', 'worker-shutdown'])(
    'ends the log with the reason why the run was stopped: %s',
    async stop => {
      const { run } = activeRun();
      const log = memoryLog();
      await startLog(run, { ...log, end: () => Promise.reject(new Error('no more')) });
      run.stop(stop);
      // Otherwise the queue, which is none here, would get a copy of the log first.
      run.stopUploads();
      await lastValueFrom(upload(run, COMPLETED));
      expect(log.lines.at(-1)).toBe(`error: ${STOP_RULES[stop].message}`);
    },
  );
});

describe('the upload of a log to a queue that never answers', () => {
  /** A run with a log, at a queue that never answers. */
  async function start(stop?: StopReason) {
    const folder = await mkdtemp(join(tmpdir(), 'tcw-upload-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const asked = Promise.withResolvers<void>();
    const calls = {
      createArtifact: (_name, _request, signal) => {
        asked.resolve();
        return new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => {
            reject(signal.reason as Error);
          });
        });
      },
    } as Partial<RunCalls> as RunCalls;
    const { queue } = activeRun().worker;
    const { run } = activeRun({ worker: { queue: { ...queue, forRun: () => calls } } });
    const log = await openTaskLog({ folders: [folder], name: 'task.log', secrets: () => [] });
    await startLog(run, log);
    onTestFinished(() => log.remove());
    if (stop) run.stop(stop);
    let outcome: Outcome | undefined;
    const uploading = lastValueFrom(upload(run, COMPLETED)).then(after => (outcome = after));
    return { run, folder, asked: asked.promise, uploading, outcome: () => outcome };
  }

  it.each<[string, StopReason | undefined, (run: ActiveRun) => void]>([
    ['the run is not stopped', undefined, () => undefined],
    ['maxRunTime has stopped the run', 'max-run-time', () => undefined],
    ['the worker may still finish the run', undefined, run => run.stop('worker-shutdown')],
  ])('continues while %s', async (_, before, meanwhile) => {
    fakeTimers();
    const { run, asked, outcome } = await start(before);
    await asked;
    meanwhile(run);
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    expect(outcome()).toBeUndefined();
  });

  it.each<[string, StopReason | undefined, (run: ActiveRun) => void]>([
    ['the run was cancelled before it', 'canceled', () => undefined],
    ['the deadline passed before it', 'deadline-exceeded', () => undefined],
    ['the run was cancelled while it went on', undefined, run => run.stop('canceled')],
    ['half of the grace period was over', undefined, run => run.cutOffUploads()],
    ['half of the grace period was over after maxRunTime', 'max-run-time', run => run.cutOffUploads()],
  ])('is abandoned 15 s after %s', async (_, before, meanwhile) => {
    fakeTimers();
    const { run, folder, asked, uploading, outcome } = await start(before);
    await asked;
    meanwhile(run);
    await vi.advanceTimersByTimeAsync(14_000);
    expect(outcome()).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await uploading).toMatchObject({ result: 'exception' });
    expect(await readdir(folder)).toEqual(['task.log']);
  });
});
