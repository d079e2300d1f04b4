import { Subject } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { PendingNotice } from '../../../src/streams/index.ts';
import type { Claim } from '../../../src/taskcluster/index.ts';
import { askingState } from '../../../src/worker/asking/asking-state.ts';
import type { Demand } from '../../../src/worker/asking/claim.ts';
import { demandFromNotices } from '../../../src/worker/asking/notice-demand.ts';
import { slotsFor } from '../../../src/worker/life/slots.ts';
import { fakeTimers } from '../../streams/virtual-time.ts';
import { fakeQueue } from './fake-queue.ts';
import { notice, statusOf } from './listening.ts';

const WAITS_AFTER_MS = 800;

/** A worker whose notices and calls the test controls. */
function start({ capacity = 1 } = {}) {
  fakeTimers();
  const fake = fakeQueue();
  const slots = slotsFor(capacity);
  const asking = askingState();
  const notices$ = new Subject<PendingNotice>();
  const demands: Demand[] = [];
  const room: number[] = [];
  const subscription = notices$
    .pipe(demandFromNotices(fake.queue, slots, Date.now, asking))
    .subscribe(demand => demands.push(demand));
  subscription.add(asking.waiting.room$.subscribe(now => room.push(now)));
  onTestFinished(() => {
    subscription.unsubscribe();
  });
  return { ...fake, slots, asking, notices$, demands, room };
}

const after = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const fresh = (taskId: string) => ({ ...notice(0, taskId), scheduledMs: Date.now() });
const claimOf = (taskId: string) => ({ taskId, runId: 0 }) as Claim;

describe('a call that the queue answers soon', () => {
  it('takes no notice', async () => {
    const { asking, notices$, demands, room } = start();
    const answered = asking.callOpened(1);
    await after(WAITS_AFTER_MS - 1);
    notices$.next(fresh('a'));
    await after(0);
    answered([claimOf('b')]);
    await after(10 * WAITS_AFTER_MS);
    expect(demands).toHaveLength(1);
    expect(room).toEqual([0]);
  });
});

describe('a call that waits', () => {
  it('takes as many notices as it asked for tasks, and holds no slot for them', async () => {
    const { asking, notices$, demands, room, slots } = start({ capacity: 3 });
    slots.take(2);
    asking.callOpened(2);
    await after(WAITS_AFTER_MS);
    for (const taskId of ['a', 'b', 'c']) notices$.next(fresh(taskId));
    await after(0);
    expect(room).toEqual([0, 2, 1, 0]);
    expect(demands.map(({ tasks }) => tasks)).toEqual([1]);
    expect(slots.free).toBe(0);
  });

  it('settles a notice when it receives its task, without a question', async () => {
    const { asking, notices$, status } = start();
    const answered = asking.callOpened(1);
    await after(WAITS_AFTER_MS);
    const taken = fresh('a');
    notices$.next(taken);
    answered([claimOf('a')]);
    await after(0);
    expect(taken.settled).toEqual(['done']);
    expect(status).toEqual([]);
  });

  it.each([
    ['settles a notice whose task another call received', 'running', 'done'],
    ['gives back a notice whose task is still pending', 'pending', 'given back'],
  ] as const)('%s', async (_, state, settled) => {
    const { asking, notices$, status } = start();
    const answered = asking.callOpened(1);
    await after(WAITS_AFTER_MS);
    const taken = fresh('a');
    notices$.next(taken);
    answered([claimOf('b')]);
    status[0]?.answer(statusOf(state));
    await after(0);
    expect(status.map(({ asked }) => asked)).toEqual(['a']);
    expect(taken.settled).toEqual([settled]);
  });

  it.each(['not allowed', 'failing'])('gives back a notice if the status is %s', async why => {
    const { asking, notices$, status } = start();
    const answered = asking.callOpened(1);
    await after(WAITS_AFTER_MS);
    const taken = fresh('a');
    notices$.next(taken);
    answered([]);
    if (why === 'failing') status[0]?.fail();
    else status[0]?.answer(undefined);
    await after(0);
    expect(taken.settled).toEqual(['given back']);
  });

  it('gives back its notices if it fails', async () => {
    const { asking, notices$, status, room } = start();
    const answered = asking.callOpened(2);
    await after(WAITS_AFTER_MS);
    const taken = fresh('a');
    notices$.next(taken);
    answered();
    await after(0);
    expect(taken.settled).toEqual(['given back']);
    expect(status).toEqual([]);
    expect(room.at(-1)).toBe(0);
  });
});
