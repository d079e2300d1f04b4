import fc from 'fast-check';
import { merge, share, Subject, takeUntil } from 'rxjs';
import { expect, it, vi } from 'vitest';
import type { PendingNotice } from '../../../src/streams/index.ts';
import { claim } from '../../../src/worker/asking/claim.ts';
import { demandFromNotices } from '../../../src/worker/asking/notice-demand.ts';
import { pendingCheck } from '../../../src/worker/asking/pending-check.ts';
import { poll } from '../../../src/worker/asking/poll.ts';
import { slotsFor } from '../../../src/worker/life/slots.ts';
import { WorkerLife } from '../../../src/worker/life/worker-life.ts';
import { fakeTimers } from '../../streams/virtual-time.ts';
import { eventLog, fakeQueue, someClaims, type OpenCall } from './fake-queue.ts';

/** All ways of asking for work in parallel over the same slots, as in a worker. */
function start(capacity: number) {
  const fake = fakeQueue();
  const slots = slotsFor(capacity);
  const life = new WorkerLife();
  const notices$ = new Subject<PendingNotice>();
  const notice$ = notices$.pipe(share());
  const events = eventLog();
  const seen = { runs: 0, complete: false };
  merge(
    notice$.pipe(demandFromNotices(fake.queue, slots)),
    life.whilePulseIs('up', pendingCheck(fake.queue, slots, notice$, events.emit)),
    life.whilePulseIs('down', poll(slots)),
  )
    .pipe(takeUntil(life.draining$), claim(fake.queue, events.emit, life.draining$))
    .subscribe({ next: () => seen.runs++, complete: () => (seen.complete = true) });
  return { ...fake, slots, life, notices$, seen };
}

interface Step {
  readonly do: 'pulse' | 'notice' | 'claimWork' | 'pendingTasks' | 'status' | 'end a run' | 'time';
  readonly which: number;
  readonly how: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom(
    'pulse',
    'notice',
    'claimWork',
    'claimWork',
    'pendingTasks',
    'status',
    'end a run',
    'time',
  ),
  which: fc.nat(10),
  how: fc.nat(7),
});

it('no slot is lost or used twice, for any sequence of events', async () => {
  fakeTimers();
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(step, { maxLength: 40 }),
      async (capacity, steps) => {
        // Timers that a failed attempt has left must not affect the next one.
        vi.clearAllTimers();
        const { slots, life, notices$, seen, claimWork, pendingTasks, status } = start(capacity);
        const settled: number[] = [];
        const open = <A, R>(calls: readonly OpenCall<A, R>[], which: number) => {
          const waiting = calls.filter(call => call.open);
          return waiting[which % Math.max(1, waiting.length)];
        };
        const notice = (ageMs: number): PendingNotice => {
          const index = settled.push(0) - 1;
          const settle = () => void settled.splice(index, 1, (settled[index] ?? 0) + 1);
          return { taskId: 'x', runId: 0, scheduledMs: Date.now() - ageMs, done: settle, giveBack: settle };
        };
        const endARun = () => {
          seen.runs--;
          slots.leave();
        };
        const take = ({ do: what, which, how }: Step): Promise<unknown> | void => {
          switch (what) {
            case 'pulse':
              life.dispatch({ type: 'pulse', up: how % 2 === 0 });
              return;
            case 'notice':
              for (let count = 0; count <= which % 3; count++)
                notices$.next(notice(how % 2 === 0 ? 0 : 10_000));
              return;
            case 'claimWork': {
              const call = open(claimWork, which);
              if (how === 0) call?.fail();
              else call?.answer(someClaims(how % (call.asked + 1)));
              return;
            }
            case 'pendingTasks':
              if (how === 0) open(pendingTasks, which)?.fail();
              else open(pendingTasks, which)?.answer([undefined, 0, 1, 5][how % 4]);
              return;
            case 'status':
              if (how === 0) open(status, which)?.fail();
              else open(status, which)?.answer(undefined);
              return;
            case 'end a run':
              if (seen.runs > 0) endARun();
              return;
            case 'time':
              return vi.advanceTimersByTimeAsync([0, 1, 500, 1_000, 5_000, 60_000, 300_000, 0][how] ?? 0);
          }
        };
        for (const each of steps) {
          await take(each);
          await vi.advanceTimersByTimeAsync(0);
          const promised = claimWork.filter(call => call.open).reduce((sum, { asked }) => sum + asked, 0);
          expect(promised + seen.runs + slots.free).toBeLessThanOrEqual(capacity);
        }
        expect(claimWork.every(({ asked }) => asked >= 1 && asked <= 32)).toBe(true);

        // At the end, notices arrive again, every call is answered, and every run ends.
        life.dispatch({ type: 'pulse', up: true });
        const isOpen = (call: { readonly open: boolean }) => call.open;
        do {
          for (const call of status.filter(isOpen)) call.fail();
          for (const call of pendingTasks.filter(isOpen)) call.answer(0);
          for (const call of claimWork.filter(isOpen)) call.answer(someClaims(call.asked));
          // Longer than any pause after a failure, and shorter than the time to the next pending check.
          await vi.advanceTimersByTimeAsync(61_000);
          while (seen.runs > 0) endARun();
        } while ([...status, ...pendingTasks, ...claimWork].some(isOpen));
        expect(slots.free).toBe(capacity);
        life.dispatch({ type: 'drain', because: 'stopped' });
        expect(seen.complete).toBe(true);
        expect(settled).toEqual(settled.map(() => 1));
        expect(vi.getTimerCount()).toBe(0);
      },
    ),
    { numRuns: 400 },
  );
});
