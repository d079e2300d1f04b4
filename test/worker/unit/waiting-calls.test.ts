import { Subject } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { PendingNotice } from '../../../src/streams/index.ts';
import { askingState } from '../../../src/worker/asking/asking-state.ts';
import { takenByWaitingCalls } from '../../../src/worker/asking/extra-notices.ts';
import { fakeTimers } from '../../streams/virtual-time.ts';
import { fakeQueue } from './fake-queue.ts';
import { notice } from './listening.ts';

const WAITING_AFTER_MS = 450;

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

describe('a call that the queue answers soon', () => {
  it('takes no notice', async () => {
    const { asking, notices$, room } = start();
    const over = asking.callOpened();
    await after(WAITING_AFTER_MS - 1);
    const one = fresh('a');
    notices$.next(one);
    over(true);
    await after(10 * WAITING_AFTER_MS);
    expect(one.settled).toEqual(['given back']);
    expect(room).toEqual([0]);
  });

  it('takes no notice if it is a long poll, however long it waits', async () => {
    const { asking, room } = start();
    asking.callOpened(false);
    await after(10 * WAITING_AFTER_MS);
    expect(room).toEqual([0]);
  });
});

describe('a call that waits', () => {
  it('takes one notice', async () => {
    const { asking, notices$, room } = start();
    asking.callOpened();
    await after(WAITING_AFTER_MS);
    const notices = ['a', 'b'].map(fresh);
    for (const one of notices) notices$.next(one);
    await after(0);
    expect(room).toEqual([0, 1, 0]);
    expect(notices.map(({ settled }) => settled)).toEqual([[], ['given back']]);
  });

  it.each([
    ['settles its notice if nothing is pending when it is over', 0, 'done'],
    ['gives back its notice if tasks are pending when it is over', 1, 'given back'],
    ['gives back its notice if the number of pending tasks is not known', undefined, 'given back'],
  ] as const)('%s', async (_, pending, settled) => {
    const { asking, notices$, pendingTasks } = start();
    const over = asking.callOpened();
    await after(WAITING_AFTER_MS);
    const taken = fresh('a');
    notices$.next(taken);
    over(true);
    await after(0);
    pendingTasks[0]?.answer(pending);
    await after(0);
    expect(taken.settled).toEqual([settled]);
  });

  it('gives back its notice if the queue does not say how many tasks are pending', async () => {
    const { asking, notices$, pendingTasks } = start();
    const over = asking.callOpened();
    await after(WAITING_AFTER_MS);
    const taken = fresh('a');
    notices$.next(taken);
    over(true);
    await after(0);
    pendingTasks[0]?.fail();
    await after(0);
    expect(taken.settled).toEqual(['given back']);
  });

  it('gives back its notice if it hangs', async () => {
    const { asking, notices$, room } = start();
    asking.callOpened();
    await after(WAITING_AFTER_MS);
    const taken = fresh('a');
    notices$.next(taken);
    await after(22_000);
    expect(taken.settled).toEqual(['given back']);
    expect(room).toEqual([0, 1, 0]);
  });

  it('gives back its notice if it fails', async () => {
    const { asking, notices$, pendingTasks, room } = start();
    const over = asking.callOpened();
    await after(WAITING_AFTER_MS);
    const taken = fresh('a');
    notices$.next(taken);
    over(false);
    await after(0);
    expect(taken.settled).toEqual(['given back']);
    expect(pendingTasks).toEqual([]);
    expect(room.at(-1)).toBe(0);
  });
});
