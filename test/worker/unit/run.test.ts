import { lastValueFrom } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import {
  CommandNotStarted,
  type Command,
  type CommandResult,
  type Sandbox,
} from '../../../src/worker/engines/engine.ts';
import type { PreparedRun } from '../../../src/worker/run/active-run.ts';
import type { TaskSpec } from '../../../src/worker/task-spec.ts';
import { execute } from '../../../src/worker/run/run.ts';
import { fakeTimers } from '../../streams/virtual-time.ts';
import { activeRun } from './active-run.ts';
import { memoryLog } from './memory-log.ts';

/**
 * Executes a payload in a sandbox whose commands end when the test decides, to test what happens before their end. Real
 * commands are tested with the native engine.
 */
function start(task: Partial<TaskSpec> = {}, sandbox: Partial<Sandbox> = {}) {
  const { run, worker } = activeRun();
  const log = memoryLog();
  const commands: { argv: readonly string[]; end(result: number | Error): void }[] = [];
  const stops: number[] = [];
  const prepared = {
    task: {
      commands: [{ argv: ['first'] }, { argv: ['second'] }],
      maxRunTimeSecs: 3_600,
      exitCodes: { retry: [], purgeCaches: [] },
      ...task,
    },
    log,
    env: {},
    sandbox: {
      run: ({ argv }: Command) => {
        const { promise, resolve, reject } = Promise.withResolvers<CommandResult>();
        commands.push({
          argv,
          end: result => {
            if (typeof result === 'number') resolve({ exitCode: result, wallMs: 1_000 });
            else reject(result);
          },
        });
        return promise;
      },
      stop: async (graceMs: number) => void stops.push(graceMs),
      close: async () => undefined,
      ...sandbox,
    },
  } as unknown as PreparedRun;
  const outcome = lastValueFrom(execute(run, prepared)).catch((error: unknown) => error);
  return { run, worker, log, commands, stops, outcome };
}

const turn = () => vi.advanceTimersByTimeAsync(0);

describe('the commands of a run', () => {
  it('are run one after the other', async () => {
    fakeTimers();
    const { commands, outcome, run } = start();
    expect(run.state.phase).toBe('running');
    await turn();
    expect(commands.map(({ argv }) => argv)).toEqual([['first']]);
    commands[0]?.end(0);
    await turn();
    expect(commands.map(({ argv }) => argv)).toEqual([['first'], ['second']]);
    commands[1]?.end(0);
    expect(await outcome).toEqual({ result: 'completed' });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('end with the first one that fails', async () => {
    fakeTimers();
    const { commands, outcome } = start();
    await turn();
    commands[0]?.end(3);
    expect(await outcome).toMatchObject({ kind: 'task-failed', message: 'exit status 3' });
    expect(commands).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('end with one that cannot be started', async () => {
    fakeTimers();
    const { commands, outcome } = start();
    await turn();
    const error = new CommandNotStarted('no such file');
    commands[0]?.end(error);
    expect(await outcome).toBe(error);
    expect(commands).toHaveLength(1);
  });

  it.each([
    [3, 'intermittent-task'],
    [4, 'task-failed'],
  ])('make the task retry or fail, depending on the exit code: %d means %s', async (exitCode, kind) => {
    fakeTimers();
    const { commands, outcome } = start({ exitCodes: { retry: [3], purgeCaches: [] } });
    await turn();
    commands[0]?.end(exitCode);
    expect(await outcome).toMatchObject({ kind });
  });
});

describe('maxRunTime', () => {
  it('applies to all commands together', async () => {
    fakeTimers();
    const { commands, run, stops } = start({ maxRunTimeSecs: 10 });
    await vi.advanceTimersByTimeAsync(6_000);
    commands[0]?.end(0);
    await vi.advanceTimersByTimeAsync(3_999);
    expect(run.state.stop).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(run.state.stop).toBe('max-run-time');
    expect(stops).toEqual([5_000]);
  });

  it('may be months', async () => {
    fakeTimers();
    const days = 60;
    const { run } = start({ maxRunTimeSecs: days * 86_400 });
    await vi.advanceTimersByTimeAsync(days * 86_400_000 - 1);
    expect(run.state.stop).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(run.state.stop).toBe('max-run-time');
  });
});

describe('a run that is stopped', () => {
  it('ends only when its processes have ended', async () => {
    fakeTimers();
    const dead = Promise.withResolvers<void>();
    const { run, log, commands, outcome } = start({}, { stop: () => dead.promise });
    await turn();
    let ended = false;
    void outcome.then(() => (ended = true));
    run.stop('canceled');
    commands[0]?.end(143);
    await turn();
    expect(ended).toBe(false);
    dead.resolve();
    expect(await outcome).toMatchObject({ message: 'task canceled' });
    expect(log.lines.slice(-2)).toEqual([
      'error: Aborting task...',
      expect.stringMatching(/^error: Command ABORTED after .*: process aborted$/),
    ]);
    expect(commands).toHaveLength(1);
  });

  it('before its first command runs no command', async () => {
    fakeTimers();
    const { run, worker } = activeRun();
    run.stop('worker-shutdown');
    const ran: unknown[] = [];
    const prepared = {
      task: { commands: [{ argv: ['first'] }], maxRunTimeSecs: 60 },
      log: memoryLog(),
      env: {},
      sandbox: { run: async () => void ran.push(1), stop: async () => undefined },
    } as unknown as PreparedRun;
    const outcome: unknown = await lastValueFrom(execute(run, prepared)).catch((error: unknown) => error);
    expect(outcome).toMatchObject({
      message: 'graceful termination requested, without time to finish tasks',
    });
    expect(ran).toEqual([]);
    expect(worker).toBeDefined();
  });

  it('still ends if the stop fails, because closing the sandbox ends its processes too', async () => {
    fakeTimers();
    const failure = new Error('nobody can be signalled');
    const { run, outcome } = start({}, { stop: () => Promise.reject(failure) });
    await turn();
    run.stop('canceled');
    expect(await outcome).toBe(failure);
    expect(vi.getTimerCount()).toBe(0);
  });
});
