import { asyncScheduler, tap, timer, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Demand } from '../../../src/worker/asking/claim.ts';
import { poll } from '../../../src/worker/asking/poll.ts';
import { slotsFor, type Slots } from '../../../src/worker/life/slots.ts';
import { marbles } from '../../streams/virtual-time.ts';

/** The result of one demand: a number of claims or a failure, after a time. */
interface Meeting {
  readonly afterMs: number;
  readonly claims: number | 'failed';
  /** The length of each run, in ms. */
  readonly runMs?: number;
}

const LONG_POLL: Meeting = { afterMs: 20_000, claims: 0 };

/** Polls in virtual time. Demands get these results in turn, and the last one is repeated. */
function polled(slots: Slots, ...meetings: Meeting[]): Observable<Demand> {
  let turn = 0;
  return poll(slots, () => asyncScheduler.now()).pipe(
    tap(demand => {
      const { afterMs, claims, runMs = 1_000 } = meetings[turn++] ?? meetings.at(-1) ?? LONG_POLL;
      timer(afterMs).subscribe(() => {
        if (claims === 'failed') {
          demand.failed();
          return;
        }
        demand.answered(claims);
        for (let count = 0; count < claims; count++) {
          timer(runMs).subscribe(() => {
            slots.giveBack(1);
          });
        }
      });
    }),
  );
}

/** Matches a demand for this many tasks. */
const tasks = (count: number) => expect.objectContaining({ tasks: count }) as Demand;

describe('polling', () => {
  it('makes one long poll after the other, for all free slots', () => {
    marbles(({ expectObservable }) => {
      expectObservable(polled(slotsFor(3), LONG_POLL), '45s !').toBe('d 19999ms d 19999ms d', {
        d: tasks(3),
      });
    });
  });

  it('does not pause after a task', () => {
    marbles(({ expectObservable }) => {
      const meeting = { afterMs: 10, claims: 1, runMs: 300 };
      expectObservable(polled(slotsFor(1), meeting), '1s !').toBe('d 309ms d 309ms d 309ms d', {
        d: tasks(1),
      });
    });
  });

  it('continues at once with the remaining slots while others run', () => {
    marbles(({ expectObservable }) => {
      const demands$ = polled(slotsFor(3), { afterMs: 10, claims: 1, runMs: 60_000 }, LONG_POLL);
      expectObservable(demands$, '25s !').toBe('a 9ms b 19999ms b', { a: tasks(3), b: tasks(2) });
    });
  });

  it('waits while no slot is free, and continues as soon as one is', () => {
    marbles(({ expectObservable }) => {
      const slots = slotsFor(1);
      slots.take(1);
      timer(30_000).subscribe(() => {
        slots.giveBack(1);
      });
      expectObservable(polled(slots, LONG_POLL), '40s !').toBe('30s d', { d: tasks(1) });
    });
  });

  it('pauses after a quick empty answer, such as that of a quarantined worker', () => {
    marbles(({ expectObservable }) => {
      const quick = { afterMs: 100, claims: 0 };
      expectObservable(polled(slotsFor(1), quick), '11s !').toBe('d 5099ms d 5099ms d', { d: tasks(1) });
    });
  });

  it('does not pause after a slow empty answer', () => {
    marbles(({ expectObservable }) => {
      const slow = { afterMs: 5_000, claims: 0 };
      expectObservable(polled(slotsFor(1), slow), '11s !').toBe('d 4999ms d 4999ms d', { d: tasks(1) });
    });
  });

  it('does not pause any more after the next answer with a claim', () => {
    marbles(({ expectObservable }) => {
      const demands$ = polled(
        slotsFor(1),
        { afterMs: 100, claims: 0 },
        { afterMs: 100, claims: 1, runMs: 100 },
        LONG_POLL,
      );
      expectObservable(demands$, '11s !').toBe('d 5099ms d 199ms d', { d: tasks(1) });
    });
  });

  it('continues after a failed call', () => {
    marbles(({ expectObservable }) => {
      const failed = { afterMs: 60_000, claims: 'failed' } as const;
      expectObservable(polled(slotsFor(1), failed, LONG_POLL), '70s !').toBe('d 59999ms d', { d: tasks(1) });
    });
  });

  it('adds no pause after a failed call, because the caller has paused already', () => {
    marbles(({ expectObservable }) => {
      const failed = { afterMs: 1_000, claims: 'failed' } as const;
      expectObservable(polled(slotsFor(1), failed, LONG_POLL), '10s !').toBe('d 999ms d', { d: tasks(1) });
    });
  });

  it('never requests more tasks than claimWork returns at once', () => {
    marbles(({ expectObservable }) => {
      expectObservable(polled(slotsFor(255), LONG_POLL), '1s !').toBe('d', { d: tasks(32) });
    });
  });

  it('returns the slots of an open call when it is answered, even after the end of polling', () => {
    const slots = slotsFor(2);
    const demands: Demand[] = [];
    marbles(({ flush }) => {
      const polling = poll(slots, () => 0).subscribe(demand => demands.push(demand));
      flush();
      polling.unsubscribe();
    });
    expect(slots.free).toBe(0);
    demands[0]?.answered(1);
    expect(slots.free).toBe(1);
  });
});
