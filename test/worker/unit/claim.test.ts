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
  readonly outcomes: (number | 'failed')[];
}

function demand(tasks = 1): TestDemand {
  const outcomes: TestDemand['outcomes'] = [];
  const isExpected = true;
  return {
    tasks,
    isExpected,
    outcomes,
    answered: claims => outcomes.push(claims),
    failed: () => outcomes.push('failed'),
  };
}

function start(room?: { check: () => Promise<boolean> }) {
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
  it('becomes one call for as many tasks', async () => {
    const { demand$, claimWork, claims } = start();
    const sent = demand(3);
    demand$.next(sent);
    expect(claimWork.map(({ asked }) => asked)).toEqual([3]);
    const answer = someClaims(2);
    claimWork[0]?.answer(answer);
    await arrived();
    expect(claims).toEqual(answer);
    expect(sent.outcomes).toEqual([2]);
  });

  it('receives the number of claims before they are emitted', async () => {
    const { demand$, claimWork, claims } = start();
    const claimsWhenTold: number[] = [];
    demand$.next({ ...demand(), answered: () => void claimsWhenTold.push(claims.length) });
    claimWork[0]?.answer(someClaims(1));
    await arrived();
    expect(claimsWhenTold).toEqual([0]);
  });

  it('receives the result of an empty answer', async () => {
    const { demand$, claimWork } = start();
    const sent = demand();
    demand$.next(sent);
    claimWork[0]?.answer([]);
    await arrived();
    expect(sent.outcomes).toEqual([0]);
  });

  it('does not wait for earlier ones', async () => {
    const { demand$, claimWork, claims } = start();
    demand$.next(demand());
    demand$.next(demand());
    expect(claimWork).toHaveLength(2);
    claimWork[1]?.answer(someClaims(1));
    await arrived();
    expect(claims).toHaveLength(1);
  });
});

describe('a failed claimWork', () => {
  it('is not retried, because the queue may have granted a claim', async () => {
    const { demand$, claimWork, seen } = start();
    demand$.next(demand());
    claimWork[0]?.fail();
    await after(10 * LONGEST_PAUSE_MS);
    expect(claimWork).toHaveLength(1);
    expect(seen.error).toBeUndefined();
  });

  it('fails its demand after a pause, so that the next call does not follow at once', async () => {
    const { demand$, claimWork, events } = start();
    const sent = demand();
    demand$.next(sent);
    claimWork[0]?.fail();
    await after(499);
    expect(sent.outcomes).toEqual([]);
    expect(events.lines).toMatchObject([{ level: 'warn', message: 'could not claim work' }]);
    await after(FIRST_PAUSE_MS - 499);
    expect(sent.outcomes).toEqual(['failed']);
  });

  it('is followed by a single log line when a call succeeds again', async () => {
    const { demand$, claimWork, events } = start();
    for (const outcome of ['fail', 'fail', 'answer', 'answer'] as const) {
      demand$.next(demand());
      if (outcome === 'fail') claimWork.at(-1)?.fail();
      else claimWork.at(-1)?.answer([]);
      await arrived();
    }
    expect(events.lines.map(({ message }) => message)).toEqual([
      'could not claim work',
      'could not claim work',
      'the queue answers claimWork again',
    ]);
  });

  it('makes the next pause longer, up to ten seconds, until a call succeeds', async () => {
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

  it('lengthens the pause only once for all calls that were open at the same time', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    onTestFinished(() => void vi.restoreAllMocks());
    const { demand$, claimWork, events } = start();
    for (let count = 0; count < 8; count++) demand$.next(demand());
    for (const call of claimWork) call.fail();
    await arrived();
    const pauses = events.lines.map(({ fields }) => Math.round(Number(fields.waitMs) / 100) / 10);
    expect(pauses).toEqual(Array.from({ length: 8 }, () => 1.5));
  });

  it('ends its pause when another call succeeds', async () => {
    const { demand$, claimWork } = start();
    const sent = demand();
    demand$.next(sent);
    demand$.next(demand());
    claimWork[0]?.fail();
    await arrived();
    expect(sent.outcomes).toEqual([]);
    claimWork[1]?.answer([]);
    await arrived();
    expect(sent.outcomes).toEqual(['failed']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends its pause when the queue answers another call, but only the first time', async () => {
    const { demand$, claimWork, back$ } = start();
    const [first, second] = [demand(), demand()];
    demand$.next(first);
    claimWork[0]?.fail();
    await arrived();
    back$.next();
    expect(first.outcomes).toEqual(['failed']);
    demand$.next(second);
    claimWork[1]?.fail();
    await arrived();
    back$.next();
    expect(second.outcomes).toEqual([]);
    await after(LONGEST_PAUSE_MS);
    expect(second.outcomes).toEqual(['failed']);
  });

  it('does not stop other calls', async () => {
    const { demand$, claimWork, claims } = start();
    demand$.next(demand());
    demand$.next(demand());
    claimWork[0]?.fail();
    claimWork[1]?.answer(someClaims(1));
    await arrived();
    expect(claims).toHaveLength(1);
  });
});

describe('a worker that is shutting down', () => {
  it('waits for open calls, and accepts their claims', async () => {
    const { demand$, draining$, claimWork, claims, seen } = start();
    const sent = demand();
    demand$.next(sent);
    draining$.next();
    await after(15_000);
    expect(seen.complete).toBe(false);
    claimWork[0]?.answer(someClaims(1));
    await arrived();
    expect(claims).toHaveLength(1);
    expect(sent.outcomes).toEqual([1]);
    expect(seen.complete).toBe(true);
  });

  it('makes no further calls', () => {
    const { demand$, draining$, claimWork } = start();
    draining$.next();
    demand$.next(demand());
    expect(claimWork).toEqual([]);
  });

  it('does not wait for the pause after a failure, and fails the demand at once', async () => {
    const { demand$, draining$, claimWork, seen } = start();
    const sent = demand();
    demand$.next(sent);
    claimWork[0]?.fail();
    await arrived();
    draining$.next();
    expect(seen.complete).toBe(true);
    expect(sent.outcomes).toEqual(['failed']);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a demand of a worker that checks its disk first', () => {
  it('becomes a call if there is enough space', async () => {
    const { demand$, claimWork, claims } = start({ check: async () => true });
    demand$.next(demand(2));
    await arrived();
    expect(claimWork.map(({ asked }) => asked)).toEqual([2]);
    claimWork[0]?.answer(someClaims(2));
    await arrived();
    expect(claims).toHaveLength(2);
  });

  it('fails without a call if there is not enough space', async () => {
    const { demand$, claimWork, seen } = start({ check: async () => false });
    const [first, second] = [demand(), demand()];
    demand$.next(first);
    demand$.next(second);
    await arrived();
    expect(claimWork).toEqual([]);
    expect([first.outcomes, second.outcomes]).toEqual([['failed'], ['failed']]);
    expect(seen).toEqual({ complete: false, error: undefined });
  });

  it('fails if the worker is told to shut down meanwhile, even if the disk check never ends', async () => {
    const { demand$, draining$, claimWork, seen } = start({ check: () => new Promise(() => undefined) });
    const sent = demand();
    demand$.next(sent);
    await arrived();
    draining$.next();
    await arrived();
    expect(sent.outcomes).toEqual(['failed']);
    expect(claimWork).toEqual([]);
    expect(seen.complete).toBe(true);
  });
});
