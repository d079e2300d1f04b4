import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { of, ReplaySubject, Subject, type Observable } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Secret } from '../../../src/pulse/index.ts';
import type { Claim, RunCalls } from '../../../src/taskcluster/index.ts';
import { enginesOf } from '../../../src/worker/engines/engines.ts';
import type { Engine } from '../../../src/worker/index.ts';
import { taskRun } from '../../../src/worker/run/task-run.ts';
import { fakeTimers } from '../../streams/virtual-time.ts';
import { hostFiles } from '../../../src/worker/files/host-files.ts';
import { json, webServer } from '../../taskcluster/web-server.ts';
import { activeRun, NO_ENGINE, TASK_ID } from './active-run.ts';
import { workerConfig } from './worker-config.ts';
import { waitFor } from '../../wait-for.ts';

interface StartOptions {
  readonly found?: readonly string[];
  readonly refused?: number;
  /** If given, the worker shuts down while the command runs. */
  readonly noClaimOpen$?: Observable<unknown>;
}

/** A run that leaves a file. The test decides when the queue answers its report and when the engine has cleaned up. */
async function start({ found = [] as string[], refused = 0, noClaimOpen$ }: StartOptions = {}) {
  const tasksDir = await mkdtemp(join(tmpdir(), 'tcw-task-run-'));
  onTestFinished(() => rm(tasksDir, { recursive: true, force: true }));
  const folder = join(tasksDir, `task_${TASK_ID}_0`);
  for (const name of found) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), 'from an earlier life');
  }
  const reported = Promise.withResolvers<void>();
  const tidied = Promise.withResolvers<void>();
  const made: string[] = [];
  const store = await webServer(json(200, {}));
  const calls = {
    credentials: { clientId: 'task', accessToken: new Secret('a-token-of-the-run') },
    createArtifact: async (name: string) => {
      made.push(name);
      return { storageType: 's3', putUrl: `${store.rootUrl}/put` };
    },
    reportCompleted: () => {
      made.push('completed');
      return reported.promise;
    },
    reportException: (reason: string) => {
      made.push(reason);
      return reported.promise;
    },
  } as unknown as RunCalls;
  const inFolder: string[][] = [];
  let closed = 0;
  const engine: Engine = {
    ...NO_ENGINE,
    open: async ({ home }) => ({
      files: hostFiles(home.path),
      run: async () => {
        inFolder.push(await readdir(folder));
        await writeFile(join(folder, 'left'), 'x');
        if (noClaimOpen$) shutdown$.next(performance.now());
        return { exitCode: 0, wallMs: 0 };
      },
      stop: async () => undefined,
      // The sandbox is closed before the log is uploaded, and again when everything is cleaned up.
      close: () => {
        if (++closed <= refused) return Promise.reject(new Error('4711 is left'));
        return closed === 1 ? Promise.resolve() : tidied.promise;
      },
    }),
  };
  const { worker, claim, shutdown$ } = activeRun({
    claim: {
      task: {
        deadline: '2027-01-01T00:00:00.000Z',
        payload: { command: [['true']], maxRunTime: 60 },
      } as unknown as Claim['task'],
    },
  });
  const phases: string[] = [];
  const events: string[] = [];
  const draining$ = new ReplaySubject<unknown>();
  let isOver = false;
  const running = taskRun(claim, {
    ...worker,
    config: workerConfig({ tasksDir }),
    queue: { ...worker.queue, forRun: () => calls },
    engines: enginesOf([engine]),
    draining$,
    noClaimOpen$,
    emit: ({ type }) => void events.push(type),
  }).subscribe({
    next: ({ phase }) => phases.push(phase),
    complete: () => {
      isOver = true;
    },
  });
  onTestFinished(() => {
    running.unsubscribe();
  });
  const processEvents = () => events.filter(type => type.startsWith('processes'));
  const drain = () => {
    draining$.next(undefined);
  };
  return {
    tasksDir,
    folder,
    inFolder,
    made,
    phases,
    reported,
    tidied,
    isOver: () => isOver,
    processEvents,
    drain,
  };
}

describe('a run', () => {
  it('is over when it is reported and cleaned up: cleaned up while it is reported', async () => {
    const { tasksDir, made, phases, reported, tidied, isOver } = await start();
    tidied.resolve();
    await waitFor(async () => {
      expect(await readdir(tasksDir)).toEqual([]);
      expect(made.at(-1)).toBe('completed');
    });
    expect(phases.at(-1)).toBe('resolving');
    reported.resolve();
    await waitFor(() => {
      expect(isOver()).toBe(true);
    });
    expect(phases).toEqual(['claimed', 'preparing', 'running', 'uploading', 'resolving', 'resolved']);
  });

  it('is over when it is reported and cleaned up: cleaned up later', async () => {
    const { tasksDir, folder, phases, reported, tidied, isOver } = await start();
    await waitFor(() => {
      expect(phases.at(-1)).toBe('resolving');
    });
    reported.resolve();
    await new Promise(setImmediate);
    expect(existsSync(folder)).toBe(true);
    expect(isOver()).toBe(false);
    tidied.resolve();
    await waitFor(() => {
      expect(isOver()).toBe(true);
    });
    expect(await readdir(tasksDir)).toEqual([]);
  });

  it('whose processes cannot be ended is still resolved, and ending them is retried until they are gone', async () => {
    fakeTimers();
    const { tasksDir, phases, reported, tidied, isOver, processEvents } = await start({ refused: 2 });
    reported.resolve();
    await waitFor(() => {
      expect(phases.at(-1)).toBe('resolved');
    });
    expect(processEvents()).toEqual(['processes-left']);
    tidied.resolve();
    // The first attempt fails.
    await vi.advanceTimersByTimeAsync(60_000);
    expect(isOver()).toBe(false);
    await vi.advanceTimersByTimeAsync(60_000);
    await waitFor(() => {
      expect(isOver()).toBe(true);
    });
    expect(processEvents()).toEqual(['processes-left', 'processes-gone']);
    expect(await readdir(tasksDir)).toEqual([]);
  });

  it('whose processes cannot be ended is over at once when the worker shuts down', async () => {
    const { phases, reported, drain, isOver } = await start({ refused: Infinity });
    reported.resolve();
    await waitFor(() => {
      expect(phases.at(-1)).toBe('resolved');
    });
    expect(isOver()).toBe(false);
    drain();
    expect(isOver()).toBe(true);
  });

  it('that is given back is reported before its log is uploaded', async () => {
    const { made, reported, tidied, isOver } = await start({ noClaimOpen$: of(undefined) });
    await waitFor(() => {
      expect(made).toEqual(['worker-shutdown']);
    });
    reported.resolve();
    tidied.resolve();
    await waitFor(() => {
      expect(isOver()).toBe(true);
    });
    expect(made.slice(1)).toContain('public/logs/live_backing.log');
  });

  it('that is given back uploads its log while the report waits for an open call for work', async () => {
    const noClaimOpen$ = new Subject<void>();
    const { made, reported, tidied, isOver } = await start({ noClaimOpen$ });
    tidied.resolve();
    await waitFor(() => {
      expect(made).toContain('public/logs/live_backing.log');
    });
    expect(made).not.toContain('worker-shutdown');
    expect(isOver()).toBe(false);
    noClaimOpen$.next();
    reported.resolve();
    await waitFor(() => {
      expect(isOver()).toBe(true);
    });
    expect(made).toContain('worker-shutdown');
  });

  it('starts in an empty folder, whatever a previous worker left there', async () => {
    const { inFolder, reported, tidied } = await start({ found: ['old', 'deep/er/old'] });
    reported.resolve();
    tidied.resolve();
    await waitFor(() => {
      expect(inFolder).toEqual([[]]);
    });
  });
});
