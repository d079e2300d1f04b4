import { lastValueFrom, of, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { runEach } from '../../../src/worker/asking/run-each.ts';
import { slotsFor } from '../../../src/worker/life/slots.ts';
import { activeRun } from './active-run.ts';

describe('a claim that no run can be made of', () => {
  it.each(['../../etc', 'a', `${'a'.repeat(21)}/`, ''])(
    'never becomes a path, costs no slot, and ends nothing: task id %j',
    async taskId => {
      const { worker, claim, news } = activeRun();
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
      expect(news.told).toMatchObject([{ level: 'error' }, { level: 'error' }]);
      expect(String(news.told[0]?.fields.err)).toContain('not a task id');
    },
  );
});
