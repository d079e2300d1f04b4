import { execa } from 'execa';
import { fileURLToPath } from 'node:url';
import { describe, expect, inject, it } from 'vitest';
import { soakOptions } from '../../soak/options.ts';
import { planned } from '../../soak/plan.ts';
import { statusProblems, witnessProblems } from '../../soak/promises.ts';
import { randomFrom } from '../../soak/random.ts';
import { soak } from '../../soak/soak.ts';
import { brokenPromises, inWords, type Summary } from '../../soak/summary.ts';
import type { SoakTask } from '../../soak/task.ts';
import type { TaskStatusStructure } from '../../src/taskcluster/index.ts';

const script = fileURLToPath(new URL('../../scripts/soak.ts', import.meta.url));

describe('npm run soak', () => {
  it('keeps every promise with sixty tasks, two workers and a few faults', async () => {
    const summary = await soak(
      {
        tasks: 60,
        seed: 3,
        faults: ['pulse-refused', 'queue-errors', 'answers-lost', 'queue-away'],
        workers: [2, 6],
        claimMs: 5_000,
        longestMs: 1_000,
        longPollMs: 2_000,
      },
      { pulseUrl: inject('pulseUrl'), queuePulseUrl: inject('queuePulseUrl'), restart: undefined },
      () => undefined,
    );
    // How soon is for the long form: this one shares its machine with other tests.
    expect(summary.problems, inWords(summary)).toEqual([]);
    expect(summary.tasks).toBeGreaterThanOrEqual(60);
    expect(summary.statuses).toHaveLength(summary.tasks);
    expect(summary.faults).toHaveLength(4);
  });

  it.each([
    ['--tasks', 'many', '--tasks many: it must be a whole number from 1 to 1000000'],
    ['--workers', '1,0', '--workers 0: it must be a whole number from 1 to 100'],
    ['--faults', 'pulse-cut,flood', '--faults flood: it must be some of pulse-cut, pulse-frozen'],
    ['--claim-secs', '1', '--claim-secs 1: it must be a whole number from 5 to 1200'],
    ['--task', '5', "Unknown option '--task'"],
  ])('reports in one line that %s %s is invalid', (name, value, message) => {
    expect(() => soakOptions([name, value])).toThrow(message);
    expect(() => soakOptions([name, value])).toThrow(/^[^\n]*$/);
  });

  it('exits with 64 if an option is invalid', async () => {
    const { exitCode, stderr } = await execa(process.execPath, [script, '--tasks', '0'], { reject: false });
    expect(exitCode).toBe(64);
    expect(stderr).toMatch(/^soak: --tasks 0: [^\n]*$/);
  });

  it('chooses the same faults for the same seed, and others for another seed', () => {
    const { faults, workers } = soakOptions([]) ?? { faults: [], workers: [] };
    const plan = (seed: number) =>
      planned(faults, workers.length, randomFrom(seed)).map(({ kind, lastsMs, worker, afterMs }) => ({
        name: kind.name,
        lastsMs,
        worker,
        afterMs,
      }));
    expect(plan(1)).toEqual(plan(1));
    expect(plan(1)).not.toEqual(plan(2));
    expect(
      plan(1)
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...faults].sort());
  });
});

describe('the soak detects', () => {
  const run = (runId: number, state: string, reasonResolved: string) => ({ runId, state, reasonResolved });
  const status = (state: string, ...runs: object[]) => ({ state, runs }) as unknown as TaskStatusStructure;
  const task = { taskId: 'T', ends: ['completed'] } as unknown as SoakTask;
  const completed = status(
    'completed',
    run(0, 'exception', 'claim-expired'),
    run(1, 'completed', 'completed'),
  );

  it('nothing if all is well', () => {
    expect(statusProblems(task, completed)).toEqual([]);
    const witness = 'start T 0\nalive T 0\nstart T 1\nend T 1\n';
    expect(witnessProblems(witness, new Map([['T', completed]]))).toEqual([]);
  });

  it.each([
    ['start T 0\nstart T 1\nalive T 0\nend T 1\n', 'run 0 of task T was alive when run 1 ran'],
    ['start T 1\nstart T 1\nend T 1\n', 'run 1 of task T: start, twice'],
    ['start T 0\nend T 0\nstart T 1\n', 'run 1 of task T was reported as completed without its end'],
  ])('the output of runs: %j', (witness, problem) => {
    expect(witnessProblems(witness, new Map([['T', completed]]))).toEqual([problem]);
  });

  it.each([
    [
      status('exception', run(0, 'exception', 'resource-unavailable')),
      'task T ended as exception (resource-unavailable), not as completed',
    ],
    [
      status('completed', run(0, 'completed', 'completed'), run(1, 'completed', 'completed')),
      'run 0 of task T was completed (completed), and there was another',
    ],
  ])('a task that ended unexpectedly, or twice', (seen, problem) => {
    expect(statusProblems(task, seen)).toEqual([problem]);
  });

  it('a fault that cost more than its limit', () => {
    const fault = { name: 'pulse-cut', workers: 1, lastsMs: 0, lostMs: 7_000, boundMs: 6_000 };
    const summary: Summary = {
      seed: 1,
      seconds: 1,
      tasks: 0,
      statuses: [],
      faults: [fault, { ...fault, lostMs: 5_000 }],
      complaints: [],
      problems: [],
    };
    expect(brokenPromises(summary)).toEqual(['pulse-cut cost 7.0 s, more than 6.0 s']);
    expect(inWords(summary)).toContain('LATE');
  });
});
