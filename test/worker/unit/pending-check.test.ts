import { Subject } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Demand } from '../../../src/worker/asking/claim.ts';
import { askingState } from '../../../src/worker/asking/asking-state.ts';
import { pendingCheck, PENDING_CHECK_TIMES } from '../../../src/worker/asking/pending-check.ts';
import { slotsFor } from '../../../src/worker/life/slots.ts';
import { fakeTimers } from '../../streams/virtual-time.ts';
import { eventLog, fakeQueue } from './fake-queue.ts';

const QUIET_MS = PENDING_CHECK_TIMES.quietMs;
const CONFIRM_MS = PENDING_CHECK_TIMES.confirmMs;

/** Runs pending checks in virtual time. Default: without jitter. */
function start({ capacity = 4, random = 0 } = {}) {
  fakeTimers();
  const fake = fakeQueue();
  const slots = slotsFor(capacity);
  const notice$ = new Subject<void>();
  const demands: Demand[] = [];
  const events = eventLog();
  const asking = askingState();
  const back$ = new Subject<void>();
  const queue = { ...fake.queue, back$ };
  const subscription = pendingCheck(
    queue,
    slots,
    notice$,
    events.emit,
    PENDING_CHECK_TIMES,
    () => random,
    asking,
  ).subscribe(demand => demands.push(demand));
  onTestFinished(() => {
    subscription.unsubscribe();
  });
  return { ...fake, slots, notice$, demands, events, asking, back$, subscription };
}

const after = (ms: number) => vi.advanceTimersByTimeAsync(ms);
/** Lets a given answer arrive. */
const arrived = () => after(0);

describe('checking for pending tasks', () => {
  it('starts immediately when Pulse connects, because tasks that were already pending sent no notice', async () => {
    const { pendingTasks, demands, slots } = start();
    expect(pendingTasks).toHaveLength(1);
    pendingTasks[0]?.answer(3);
    await arrived();
    expect(demands.map(({ tasks }) => tasks)).toEqual([3]);
    expect(slots.free).toBe(1);
  });

  it('requests no more tasks than there are free slots', async () => {
    const { pendingTasks, demands, slots } = start();
    pendingTasks[0]?.answer(100);
    await arrived();
    expect(demands.map(({ tasks }) => tasks)).toEqual([4]);
    expect(slots.free).toBe(0);
  });

  it('requests at most 32 tasks per call, the limit of claimWork', async () => {
    const { pendingTasks, demands } = start({ capacity: 200 });
    pendingTasks[0]?.answer(100);
    await arrived();
    expect(demands.map(({ tasks }) => tasks)).toEqual([32, 32, 32]);
  });

  it('trusts a large backlog for one second instead of checking again for each slot', async () => {
    const { pendingTasks, demands, slots } = start({ capacity: 1 });
    pendingTasks[0]?.answer(35);
    await arrived();
    // 34 and then 33 tasks remain.
    for (const count of [2, 3]) {
      slots.giveBack(1);
      await arrived();
      expect(demands).toHaveLength(count);
    }
    expect(pendingTasks).toHaveLength(1);
    // Other workers may have taken the remaining 32.
    slots.giveBack(1);
    await arrived();
    expect(pendingTasks).toHaveLength(2);
    pendingTasks[1]?.answer(100);
    await after(1_000);
    slots.giveBack(1);
    await arrived();
    expect(pendingTasks).toHaveLength(3);
  });

  it('requests nothing if nothing is pending, because an empty claim would slow the whole pool', async () => {
    const { pendingTasks, demands, slots } = start();
    pendingTasks[0]?.answer(0);
    await arrived();
    expect(demands).toEqual([]);
    expect(slots.free).toBe(4);
  });

  it('returns the unused slots, and all of them if the claim fails', async () => {
    const { pendingTasks, demands, slots } = start();
    pendingTasks[0]?.answer(4);
    await arrived();
    demands[0]?.answered(1);
    expect(slots.free).toBe(3);
    await after(QUIET_MS);
    pendingTasks[1]?.answer(4);
    await after(CONFIRM_MS);
    pendingTasks[2]?.answer(4);
    await arrived();
    expect(slots.free).toBe(0);
    demands[1]?.failed();
    expect(slots.free).toBe(3);
  });

  it('is not done while no slot is free', async () => {
    const { pendingTasks, demands } = start({ capacity: 1 });
    pendingTasks[0]?.answer(1);
    await arrived();
    expect(demands).toHaveLength(1);
    await after(100 * QUIET_MS);
    expect(pendingTasks).toHaveLength(1);
  });
});

describe('the quiet period between checks', () => {
  it('ends with another check, repeatedly', async () => {
    const { pendingTasks } = start();
    for (let count = 1; count <= 3; count++) {
      pendingTasks[count - 1]?.answer(0);
      await after(QUIET_MS - 1);
      expect(pendingTasks).toHaveLength(count);
      await after(1);
      expect(pendingTasks).toHaveLength(count + 1);
    }
  });

  it('is extended by up to half, so that the workers of a fleet do not check in step', async () => {
    const { pendingTasks } = start({ random: 0.999 });
    pendingTasks[0]?.answer(0);
    await after(QUIET_MS * 0.5);
    expect(pendingTasks).toHaveLength(1);
    await after(QUIET_MS * 0.001);
    expect(pendingTasks).toHaveLength(2);
  });

  it('starts again with each notice', async () => {
    const { pendingTasks, notice$ } = start();
    pendingTasks[0]?.answer(0);
    await after(QUIET_MS - 1);
    notice$.next();
    await after(QUIET_MS - 1);
    expect(pendingTasks).toHaveLength(1);
    await after(1);
    expect(pendingTasks).toHaveLength(2);
  });

  it('starts when a slot becomes free again', async () => {
    const { pendingTasks, demands, slots } = start({ capacity: 1 });
    pendingTasks[0]?.answer(1);
    await arrived();
    demands[0]?.answered(1);
    await after(10 * QUIET_MS);
    slots.giveBack(1);
    await after(QUIET_MS - 1);
    expect(pendingTasks).toHaveLength(1);
    await after(1);
    expect(pendingTasks).toHaveLength(2);
  });

  it('is skipped while more tasks are pending than there were slots for', async () => {
    const { pendingTasks, demands, slots } = start({ capacity: 1 });
    pendingTasks[0]?.answer(2);
    await arrived();
    demands[0]?.answered(1);
    await after(10 * QUIET_MS);
    expect(pendingTasks).toHaveLength(1);
    slots.giveBack(1);
    await arrived();
    expect(pendingTasks).toHaveLength(2);
    // Without a backlog, the checks become infrequent again.
    pendingTasks[1]?.answer(0);
    await after(QUIET_MS - 1);
    expect(pendingTasks).toHaveLength(2);
    await after(1);
    expect(pendingTasks).toHaveLength(3);
  });

  it('is short if notices arrive during a backlog', async () => {
    const { pendingTasks, demands, slots, notice$ } = start({ capacity: 1 });
    pendingTasks[0]?.answer(2);
    await arrived();
    demands[0]?.answered(1);
    notice$.next();
    slots.giveBack(1);
    await after(PENDING_CHECK_TIMES.backlogMs - 1);
    expect(pendingTasks).toHaveLength(1);
    await after(1);
    expect(pendingTasks).toHaveLength(2);
  });

  it('is short after a failed check, and grows with each failure until one succeeds', async () => {
    const { pendingTasks, demands, events } = start();
    pendingTasks[0]?.fail();
    await arrived();
    expect(events.lines).toMatchObject([{ level: 'warn' }]);
    await after(1_500);
    expect(pendingTasks).toHaveLength(2);
    pendingTasks[1]?.fail();
    await after(2_500);
    expect(pendingTasks).toHaveLength(3);
    pendingTasks[2]?.answer(0);
    await after(10_000);
    expect(pendingTasks).toHaveLength(3);
    expect(events.lines.map(({ message }) => message)).toEqual([
      'could not ask how many tasks are pending',
      'could not ask how many tasks are pending',
      'the queue reports the number of pending tasks again',
    ]);
    await after(QUIET_MS);
    pendingTasks[3]?.answer(1);
    await after(CONFIRM_MS);
    pendingTasks[4]?.answer(1);
    await arrived();
    expect(demands).toHaveLength(1);
  });

  it('ends with a second check if the first one found tasks, whose notices may still have been on their way', async () => {
    const { pendingTasks, demands, slots } = start();
    pendingTasks[0]?.answer(0);
    await after(QUIET_MS);
    pendingTasks[1]?.answer(3);
    await after(CONFIRM_MS - 1);
    expect(pendingTasks).toHaveLength(2);
    await after(1);
    pendingTasks[2]?.answer(0);
    await arrived();
    expect(demands).toEqual([]);
    await after(QUIET_MS);
    pendingTasks[3]?.answer(3);
    await after(CONFIRM_MS);
    pendingTasks[4]?.answer(2);
    await arrived();
    expect(demands.map(({ tasks }) => tasks)).toEqual([2]);
    expect(slots.free).toBe(2);
  });

  it('ends without a second check if the slots were taken meanwhile', async () => {
    const { pendingTasks, demands, slots } = start({ capacity: 1 });
    pendingTasks[0]?.answer(0);
    await after(QUIET_MS);
    pendingTasks[1]?.answer(1);
    await arrived();
    slots.take(1);
    await after(2 * QUIET_MS);
    expect(pendingTasks).toHaveLength(2);
    slots.giveBack(1);
    await after(QUIET_MS);
    expect(pendingTasks).toHaveLength(3);
    expect(demands).toEqual([]);
  });
});

describe('after a failed claim', () => {
  it('another check follows at once, every time, until a claim succeeds', async () => {
    const { pendingTasks, demands } = start();
    for (let count = 0; count < 5; count++) {
      pendingTasks[count]?.answer(1);
      await arrived();
      demands[count]?.failed();
      await arrived();
      expect(pendingTasks).toHaveLength(count + 2);
    }
    pendingTasks[5]?.answer(1);
    await arrived();
    demands[5]?.answered(1);
    await after(QUIET_MS / 2);
    expect(pendingTasks).toHaveLength(6);
  });

  it('one task is claimed without a check if the check is not allowed (403)', async () => {
    const { pendingTasks, demands } = start({ capacity: 2 });
    pendingTasks[0]?.answer(undefined);
    await after(QUIET_MS);
    pendingTasks[1]?.answer(undefined);
    await arrived();
    demands[0]?.failed();
    await arrived();
    pendingTasks[2]?.answer(undefined);
    await arrived();
    expect(demands.map(({ tasks }) => tasks)).toEqual([1, 1]);
  });

  it('a check follows within seconds if the notice is not redelivered', async () => {
    const { pendingTasks, demands, asking } = start();
    pendingTasks[0]?.answer(0);
    await arrived();
    asking.noticeGivenBack();
    await after(2_000);
    expect(pendingTasks).toHaveLength(2);
    pendingTasks[1]?.answer(undefined);
    await arrived();
    expect(demands.map(({ tasks }) => tasks)).toEqual([1]);
  });

  it('no check follows if the notice is redelivered, because it leads to a claim itself', async () => {
    const { pendingTasks, notice$, asking } = start();
    pendingTasks[0]?.answer(0);
    await arrived();
    asking.noticeGivenBack();
    await after(10);
    notice$.next();
    await after(QUIET_MS / 2);
    expect(pendingTasks).toHaveLength(1);
  });

  it('a check follows even if another check was still in progress', async () => {
    const { pendingTasks, asking } = start();
    asking.noticeGivenBack();
    await after(2_000);
    pendingTasks[0]?.answer(0);
    await arrived();
    expect(pendingTasks).toHaveLength(2);
  });
});

describe('a worker that is about to exit because it is idle', () => {
  const confirm = (asking: ReturnType<typeof askingState>) => {
    const confirmations: boolean[] = [];
    const subscription = asking.confirmNothing().subscribe(isNothing => confirmations.push(isNothing));
    onTestFinished(() => {
      subscription.unsubscribe();
    });
    return confirmations;
  };

  it.each([0, undefined])('checks at once, and learns that nothing is pending: %s', async answer => {
    const { pendingTasks, demands, asking } = start();
    pendingTasks[0]?.answer(answer);
    await after(60_000);
    const confirmations = confirm(asking);
    await arrived();
    expect(confirmations).toEqual([false]);
    pendingTasks[1]?.answer(answer);
    await arrived();
    expect(confirmations).toEqual([false, true]);
    expect(demands).toEqual([]);
  });

  it('gets no confirmation while checks fail, and does not check more often', async () => {
    const { pendingTasks, asking } = start();
    pendingTasks[0]?.fail();
    await arrived();
    const confirmations = confirm(asking);
    await after(400);
    expect(pendingTasks).toHaveLength(1);
    await after(1_100);
    pendingTasks[1]?.fail();
    await arrived();
    expect(confirmations).not.toContain(true);
  });

  it('claims a task that the check finds', async () => {
    const { pendingTasks, demands, asking } = start();
    pendingTasks[0]?.answer(0);
    await arrived();
    const confirmations = confirm(asking);
    await arrived();
    pendingTasks[1]?.answer(1);
    await arrived();
    expect(demands).toHaveLength(1);
    expect(confirmations).toEqual([false]);
  });
});

describe('a failed check', () => {
  it('is repeated as soon as the queue answers another call', async () => {
    const { pendingTasks, back$ } = start();
    pendingTasks[0]?.fail();
    await arrived();
    back$.next();
    await arrived();
    expect(pendingTasks).toHaveLength(2);
    pendingTasks[1]?.answer(0);
    await arrived();
    back$.next();
    await after(QUIET_MS / 4);
    expect(pendingTasks).toHaveLength(2);
  });
});

describe('if the check is not allowed (403)', () => {
  it('nothing is claimed when Pulse connects', async () => {
    const { pendingTasks, demands } = start();
    pendingTasks[0]?.answer(undefined);
    await arrived();
    expect(demands).toEqual([]);
  });

  it('one task is claimed after a quiet period', async () => {
    const { pendingTasks, demands, slots } = start();
    pendingTasks[0]?.answer(undefined);
    await after(QUIET_MS);
    pendingTasks[1]?.answer(undefined);
    await arrived();
    expect(demands.map(({ tasks }) => tasks)).toEqual([1]);
    expect(slots.free).toBe(3);
    await after(QUIET_MS);
    pendingTasks[2]?.answer(undefined);
    await arrived();
    expect(demands.map(({ tasks }) => tasks)).toEqual([1, 1]);
  });
});

describe('a check that was cancelled, for example because Pulse was lost', () => {
  it('takes no slot if its answer arrives late', async () => {
    const { pendingTasks, demands, slots, subscription } = start();
    subscription.unsubscribe();
    pendingTasks[0]?.answer(4);
    await arrived();
    expect(demands).toEqual([]);
    expect(slots.free).toBe(4);
  });

  it('logs nothing if it fails late', async () => {
    const { pendingTasks, events, subscription } = start();
    subscription.unsubscribe();
    pendingTasks[0]?.fail();
    await arrived();
    expect(events.lines).toEqual([]);
  });

  it('is not followed by another one', async () => {
    const { pendingTasks, subscription } = start();
    pendingTasks[0]?.answer(0);
    await arrived();
    subscription.unsubscribe();
    await after(10 * QUIET_MS);
    expect(pendingTasks).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
