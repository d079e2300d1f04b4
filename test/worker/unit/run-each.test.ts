import { lastValueFrom, of, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { runEach } from '../../../src/worker/asking/run-each.ts';
import { slotsFor } from '../../../src/worker/life/slots.ts';
import { activeRun } from './active-run.ts';

describe('a claim with an invalid task id', () => {
  it.each(['../../etc', 'a', `${'a'.repeat(21)}/`, ''])(
    'never becomes a path, returns its slot, and does not end the worker: task id %j',
    async taskId => {
      const { worker, claim, events } = activeRun();
      const slots = slotsFor(2);
      slots.take(2);
      const claims$ = of({ ...claim, taskId }, { ...claim, taskId });
      const items = await lastValueFrom(
        claims$.pipe(
          runEach(worker, slots, () => false),
          toArray(),
        ),
      );
      expect(items).toEqual([]);
      expect(slots.free).toBe(2);
      expect(events.lines).toMatchObject([{ level: 'error' }, { level: 'error' }]);
      expect(String(events.lines[0]?.fields.err)).toContain('not a task id');
    },
  );
});

describe('a claim whose engine is unavailable', () => {
  it('is given back, and its slot becomes free again', async () => {
    const { worker, claim, events } = activeRun();
    const slots = slotsFor(1);
    slots.take(1);
    const reported: string[] = [];
    const calls = {
      ...worker.queue.forRun(claim),
      reportException: async (reason: string) => void reported.push(reason),
    };
    const queue = { ...worker.queue, forRun: () => calls };
    const away = { ...worker, queue, isEngineAway: () => of(true) };
    await lastValueFrom(of(claim).pipe(runEach(away, slots, () => false)), { defaultValue: undefined });
    expect([slots.free, reported]).toEqual([1, ['worker-shutdown']]);
    expect(events.lines).toMatchObject([
      { message: 'giving a claim back, because its engine does not answer' },
    ]);
  });
});
