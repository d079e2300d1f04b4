import { lastValueFrom, of, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { runEach } from '../../../src/worker/run-each.ts';
import { slotsFor } from '../../../src/worker/slots.ts';
import { activeRun } from './active-run.ts';

describe('a claim that no run can be made of', () => {
  it.each(['../../etc', 'a', `${'a'.repeat(21)}/`, ''])(
    'never becomes a path, costs no slot, and ends nothing: task id %j',
    async taskId => {
      const { worker, claim, logger } = activeRun();
      const slots = slotsFor(2);
      slots.take(2);
      const claims$ = of({ ...claim, taskId }, { ...claim, taskId });
      const news = await lastValueFrom(
        claims$.pipe(
          runEach(worker, slots, () => false),
          toArray(),
        ),
      );
      expect(news).toEqual([]);
      expect(slots.free).toBe(2);
      expect(logger.told).toMatchObject([{ level: 'error' }, { level: 'error' }]);
      expect(String(logger.told[0]?.fields.err)).toContain('not a task id');
    },
  );
});
