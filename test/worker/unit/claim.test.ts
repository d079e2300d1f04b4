import { Subject, takeUntil } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Claim } from '../../../src/taskcluster/index.ts';
import { claim, type Demand } from '../../../src/worker/asking/claim.ts';
import { fakeTimers } from '../../streams/virtual-time.ts';
import { eventLog, fakeQueue, someClaims } from './fake-queue.ts';

/** Upper bounds for the first pause, and for every pause. */
const FIRST_PAUSE_MS = 1_500;
const LONGEST_PAUSE_MS = 30_500;

interface TestDemand extends Demand {
  /** The results that it received. */
  readonly told: (number | 'failed')[];
}

function demand(tasks = 1): TestDemand {
  const told: TestDemand['told'] = [];
  const isExpected = true;
  return {
    tasks,
    isExpected,
    told,
    answered: claims => told.push(claims),
    failed: () => told.push('failed'),
  };
}

function start(room?: { isThere: () => Promise<boolean> }) {
  fakeTimers();
  const fake = fakeQueue();
  const events = eventLog();
  const [demand$, draining$] = [new Subject<Demand>(), new Subject<void>()];
  const claims: Claim[] = [];
  const seen = { complete: false, error: undefined as unknown };
  const claiming = claim(fake.queue, events.emit, draining$, undefined, undefined, room);
  const subscription = demand$.pipe(takeUntil(draining$), claiming).subscribe({
    next: each => claims.push(each),
    error: (error: unknown) => (seen.error = error),
    complete: () => (seen.complete = true),
  });
  onTestFinished(() => {
    subscription.unsubscribe();
  });
  return { ...fake, events, demand$, draining$, claims, seen };
}

const after = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const arrived = () => after(0);

describe('a demand', () => {
  it('is one call, for as many tasks', async () => {
    const { demand$, claimWork, claims } = start();
    const wish = demand(3);
    demand$.next(wish);
    expect(claimWork.map(({ asked }) => asked)).toEqual([3]);
    const answer = someClaims(2);
    claimWork[0]?.answer(answer);
    await arrived();
    expect(claims).toEqual(answer);
    expect(wish.told).toEqual([2]);
  });

  it('is told how many claims came before they go on their way', async () => {
    const { demand$, claimWork, claims } = start();
    const claimsWhenTold: number[] = [];
    demand$.next({ ...demand(), answered: () => void claimsWhenTold.push(claims.length) });
    claimWork[0]?.answer(someClaims(1));
    await arrived();
    expect(claimsWhenTold).toEqual([0]);
  });

  it('is told of an empty answer, too', async () => {
    const { demand$, claimWork } = start();
    const wish = demand();
    demand$.next(wish);
    claimWork[0]?.answer([]);
    await arrived();
    expect(wish.told).toEqual([0]);
  });

  it('does not wait for those before it', async () => {
    const { demand$, claimWork, claims } = start();
    demand$.next(demand());
    demand$.next(demand());
    expect(claimWork).toHaveLength(2);
    claimWork[1]?.answer(someClaims(1));
    await arrived();
    expect(claims).toHaveLength(1);
  });
});

describe('a call that fails', () => {
  it('is not made again: the queue may have given a claim to it', async () => {
    const { demand$, claimWork, seen } = start();
    demand$.next(demand());
    claimWork[0]?.fail();
    await after(10 * LONGEST_PAUSE_MS);
    expect(claimWork).toHaveLength(1);
    expect(seen.error).toBeUndefined();
  });

  it('is told after a pause, so that nobody asks again at once', async () => {
    const { demand$, claimWork, events } = start();
    const wish = demand();
    demand$.next(wish);
    claimWork[0]?.fail();
    await after(499);
    expect(wish.told).toEqual([]);
    expect(events.lines).toMatchObject([{ level: 'warn', message: 'could not ask for work' }]);
    await after(FIRST_PAUSE_MS - 499);
    expect(wish.told).toEqual(['failed']);
  });

  it('is followed by a word when one works again, once', async () => {
    const { demand$, claimWork, events } = start();
    for (const outcome of ['fail', 'fail', 'answer', 'answer'] as const) {
      demand$.next(demand());
      if (outcome === 'fail') claimWork.at(-1)?.fail();
      else claimWork.at(-1)?.answer([]);
      await arrived();
    }
    expect(events.lines.map(({ message }) => message)).toEqual([
      'could not ask for work',
      'could not ask for work',
      'the queue answers claimWork again',
    ]);
  });

  it('makes the next pause longer, up to ten seconds, until one works', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    onTestFinished(() => void vi.restoreAllMocks());
    const { demand$, claimWork, events } = start();
    const failing = async () => {
      demand$.next(demand());
      claimWork.at(-1)?.fail();
      await arrived();
      return Math.round(Number(events.lines.at(-1)?.fields.waitMs) / 100) / 10;
    };
    const pauses: number[] = [];
    for (let count = 0; count < 8; count++) pauses.push(await failing());
    expect(pauses).toEqual([1.5, 2.5, 4.5, 8.5, 10.5, 10.5, 10.5, 10.5]);
    demand$.next(demand());
    claimWork.at(-1)?.answer([]);
    await arrived();
    expect(await failing()).toBe(1.5);
  });

  it('counts once with the others that were open at the same time', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    onTestFinished(() => void vi.restoreAllMocks());
    const { demand$, claimWork, events } = start();
    for (let count = 0; count < 8; count++) demand$.next(demand());
    for (const call of claimWork) call.fail();
    await arrived();
    const pauses = events.lines.map(({ fields }) => Math.round(Number(fields.waitMs) / 100) / 10);
    expect(pauses).toEqual(Array.from({ length: 8 }, () => 1.5));
  });

  it('waits no longer when another has worked meanwhile', async () => {
    const { demand$, claimWork } = start();
    const wish = demand();
    demand$.next(wish);
    demand$.next(demand());
    claimWork[0]?.fail();
    await arrived();
    expect(wish.told).toEqual([]);
    claimWork[1]?.answer([]);
    await arrived();
    expect(wish.told).toEqual(['failed']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits no longer when the queue answers another call, but only the first time', async () => {
    const { demand$, claimWork, back$ } = start();
    const [first, second] = [demand(), demand()];
    demand$.next(first);
    claimWork[0]?.fail();
    await arrived();
    back$.next();
    expect(first.told).toEqual(['failed']);
    demand$.next(second);
    claimWork[1]?.fail();
    await arrived();
    back$.next();
    expect(second.told).toEqual([]);
    await after(LONGEST_PAUSE_MS);
    expect(second.told).toEqual(['failed']);
  });

  it('stops no other', async () => {
    const { demand$, claimWork, claims } = start();
    demand$.next(demand());
    demand$.next(demand());
    claimWork[0]?.fail();
    claimWork[1]?.answer(someClaims(1));
    await arrived();
    expect(claims).toHaveLength(1);
  });
});

describe('a worker that is going', () => {
  it('waits for the calls that are open, and gets what they bring', async () => {
    const { demand$, draining$, claimWork, claims, seen } = start();
    const wish = demand();
    demand$.next(wish);
    draining$.next();
    await after(15_000);
    expect(seen.complete).toBe(false);
    claimWork[0]?.answer(someClaims(1));
    await arrived();
    expect(claims).toHaveLength(1);
    expect(wish.told).toEqual([1]);
    expect(seen.complete).toBe(true);
  });

  it('asks for nothing more', () => {
    const { demand$, draining$, claimWork } = start();
    draining$.next();
    demand$.next(demand());
    expect(claimWork).toEqual([]);
  });

  it('does not sit out a pause after a failure: its demand is told at once', async () => {
    const { demand$, draining$, claimWork, seen } = start();
    const wish = demand();
    demand$.next(wish);
    claimWork[0]?.fail();
    await arrived();
    draining$.next();
    expect(seen.complete).toBe(true);
    expect(wish.told).toEqual(['failed']);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a demand of a worker that looks at its disk first', () => {
  it('is a call when there is room', async () => {
    const { demand$, claimWork, claims } = start({ isThere: async () => true });
    demand$.next(demand(2));
    await arrived();
    expect(claimWork.map(({ asked }) => asked)).toEqual([2]);
    claimWork[0]?.answer(someClaims(2));
    await arrived();
    expect(claims).toHaveLength(2);
  });

  it('fails without a call when there is none', async () => {
    const { demand$, claimWork, seen } = start({ isThere: async () => false });
    const [first, second] = [demand(), demand()];
    demand$.next(first);
    demand$.next(second);
    await arrived();
    expect(claimWork).toEqual([]);
    expect([first.told, second.told]).toEqual([['failed'], ['failed']]);
    expect(seen).toEqual({ complete: false, error: undefined });
  });

  it('fails when the worker is told to go meanwhile, however long the disk takes', async () => {
    const { demand$, draining$, claimWork, seen } = start({ isThere: () => new Promise(() => undefined) });
    const wish = demand();
    demand$.next(wish);
    await arrived();
    draining$.next();
    await arrived();
    expect(wish.told).toEqual(['failed']);
    expect(claimWork).toEqual([]);
    expect(seen.complete).toBe(true);
  });
});
