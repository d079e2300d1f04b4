import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Demand } from '../../../src/worker/asking/claim.ts';
import { turns } from '../../streams/pulse-under-test.ts';
import { notice, STALE_MS, start, statusOf, type TestNotice } from './listening.ts';

describe('for any sequence of events', () => {
  type Step =
    | { readonly do: 'arrive'; readonly ages: readonly number[] }
    | {
        readonly do: 'status' | 'pending' | 'meet' | 'end a run';
        readonly which: number;
        readonly how: number;
      }
    | { readonly do: 'wait' | 'unsubscribe' };
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .array(fc.constantFrom(0, STALE_MS), { maxLength: 5 })
        .map((ages): Step => ({ do: 'arrive', ages })),
    },
    {
      weight: 8,
      arbitrary: fc
        .tuple(fc.constantFrom('status', 'pending', 'meet', 'end a run'), fc.nat(20), fc.nat(5))
        .map(([what, which, how]): Step => ({ do: what, which, how })),
    },
    { weight: 4, arbitrary: fc.constant<Step>({ do: 'wait' }) },
    { weight: 1, arbitrary: fc.constant<Step>({ do: 'unsubscribe' }) },
  );

  it('no slot is lost or used twice, and every notice is settled once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(step, { maxLength: 25 }),
        async (capacity, steps) => {
          const { slots, notices$, demands, status, pendingTasks, subscription } = start(capacity);
          const notices: TestNotice[] = [];
          const met = new Set<Demand>();
          let runs = 0;
          let mostRuns = 0;
          const meet = (demand: Demand, how: number) => {
            met.add(demand);
            if (how === 0) {
              demand.failed();
              return;
            }
            const claims = how % (demand.tasks + 1);
            runs += claims;
            mostRuns = Math.max(mostRuns, runs);
            demand.answered(claims);
          };
          const endARun = () => {
            runs--;
            slots.giveBack(1);
          };
          const nth = <T>(all: readonly T[], which: number): T | undefined =>
            all[which % Math.max(1, all.length)];
          const take = (each: Step) => {
            switch (each.do) {
              case 'arrive':
                for (const age of each.ages) {
                  const one = notice(age);
                  // Without a subscription, a notice does not arrive.
                  if (!subscription.closed) notices.push(one);
                  notices$.next(one);
                }
                return;
              case 'status': {
                const call = nth(
                  status.filter(({ open }) => open),
                  each.which,
                );
                if (each.how === 0) call?.fail();
                else call?.answer([undefined, statusOf('pending'), statusOf('running')][each.how % 3]);
                return;
              }
              case 'pending': {
                const call = nth(
                  pendingTasks.filter(({ open }) => open),
                  each.which,
                );
                if (each.how === 0) call?.fail();
                else call?.answer([undefined, 0, 3][each.how % 3]);
                return;
              }
              case 'meet': {
                const demand = nth(
                  demands.filter(one => !met.has(one)),
                  each.which,
                );
                if (demand) meet(demand, each.how);
                return;
              }
              case 'end a run':
                if (runs > 0) endARun();
                return;
              case 'unsubscribe':
                subscription.unsubscribe();
                return;
              case 'wait':
            }
          };
          for (const each of steps) {
            take(each);
            if (each.do === 'wait') await turns(1);
            expect(slots.free).toBeGreaterThanOrEqual(0);
          }
          // At the end, every call is answered and every run ends.
          subscription.unsubscribe();
          for (const call of [...status, ...pendingTasks]) if (call.open) call.fail();
          await turns(2);
          for (const demand of demands) if (!met.has(demand)) meet(demand, 1);
          while (runs > 0) endARun();
          expect(slots.free).toBe(capacity);
          expect(mostRuns).toBeLessThanOrEqual(capacity);
          expect(notices.map(({ settled }) => settled.length)).toEqual(notices.map(() => 1));
          expect(demands.every(({ tasks }) => tasks >= 1 && tasks <= 32)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});
