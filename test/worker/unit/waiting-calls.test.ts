import { Subject } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { PendingNotice } from '../../../src/streams/index.ts';
import type { Claim } from '../../../src/taskcluster/index.ts';
import { askingState } from '../../../src/worker/asking/asking-state.ts';
import { takenByWaitingCalls } from '../../../src/worker/asking/extra-notices.ts';
import { fakeTimers } from '../../streams/virtual-time.ts';
import { fakeQueue } from './fake-queue.ts';
import { notice, statusOf } from './listening.ts';

const WAITS_AFTER_MS = 400;

/** The waiting calls of a worker whose notices and calls the test controls. */
function start() {
  fakeTimers();
  const fake = fakeQueue();
  const asking = askingState();
  const notices$ = new Subject<PendingNotice>();
  const room: number[] = [];
  const subscription = notices$.pipe(takenByWaitingCalls(fake.queue, asking.waiting)).subscribe();
  subscription.add(asking.waiting.room$.subscribe(now => room.push(now)));
  onTestFinished(() => {
    subscription.unsubscribe();
  });
  return { ...fake, asking, notices$, room };
}

const after = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const fresh = (taskId: string) => ({ ...notice(0, taskId), scheduledMs: Date.now() });
const claimOf = (taskId: string) => ({ taskId, runId: 0 }) as Claim;

describe('a claimWork that is answered quickly', () => {
  it('takes no notice', async () => {
    const { asking, notices$, room } = start();
    const answered = asking.callOpened(1);
    await after(WAITS_AFTER_MS - 1);
    const one = fresh('a');
    notices$.next(one);
    answered([claimOf('b')]);
    await after(10 * WAITS_AFTER_MS);
    expect(one.settled).toEqual(['given back']);
    expect(room).toEqual([0]);
  });
});

describe('a claimWork that waits', () => {
  it('takes as many notices as it asked for tasks', async () => {
    const { asking, notices$, room } = start();
    asking.callOpened(2);
    await after(WAITS_AFTER_MS);
    const notices = ['a', 'b', 'c'].map(fresh);
    for (const one of notices) notices$.next(one);
    await after(0);
    expect(room).toEqual([0, 2, 1, 0]);
    expect(notices.map(({ settled }) => settled)).toEqual([[], [], ['given back']]);
  });

  it('settles a notice when it receives its task, without a further call', async () => {
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
    await after(0);
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
    await after(0);
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
