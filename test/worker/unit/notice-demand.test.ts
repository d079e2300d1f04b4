import { setTimeout as sleep } from 'node:timers/promises';
import { Subject } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../../src/pulse/index.ts';
import { connectQueue } from '../../../src/taskcluster/index.ts';
import type { PendingNotice } from '../../../src/streams/index.ts';
import type { Demand } from '../../../src/worker/asking/claim.ts';
import { demandFromNotices } from '../../../src/worker/asking/notice-demand.ts';
import { slotsFor } from '../../../src/worker/life/slots.ts';
import { silence, webServer } from '../../taskcluster/web-server.ts';
import { waitFor } from '../../wait-for.ts';
import { turns } from '../../streams/pulse-under-test.ts';
import { notice, STALE_MS, start, statusOf } from './listening.ts';

describe('a notice', () => {
  it('becomes demand for one task, and takes a slot as soon as it arrives', async () => {
    const { arrive, demands, slots, notices$ } = start();
    const one = notice();
    notices$.next(one);
    expect(slots.free).toBe(3);
    await arrive();
    expect(demands.map(({ tasks }) => tasks)).toEqual([1]);
    expect(one.settled).toEqual([]);
  });

  it('is acknowledged when its claim arrives, and the slot stays taken', async () => {
    const { arrive, demands, slots } = start();
    const one = notice();
    await arrive(one);
    demands[0]?.answered(1);
    expect(one.settled).toEqual(['done']);
    expect(slots.free).toBe(3);
  });

  it('is acknowledged if another worker has claimed the task, and the slot becomes free again', async () => {
    const { arrive, demands, slots } = start();
    const one = notice();
    await arrive(one);
    demands[0]?.answered(0);
    expect(one.settled).toEqual(['done']);
    expect(slots.free).toBe(4);
  });

  it('is returned if the claim fails', async () => {
    const { arrive, demands, slots } = start();
    const one = notice();
    await arrive(one);
    demands[0]?.failed();
    expect(one.settled).toEqual(['given back']);
    expect(slots.free).toBe(4);
  });

  it('is returned at once if no slot is free', async () => {
    const { arrive, demands, slots } = start(1);
    const [one, two] = [notice(), notice()];
    await arrive(one, two);
    expect(two.settled).toEqual(['given back']);
    expect(demands.map(({ tasks }) => tasks)).toEqual([1]);
    expect(slots.free).toBe(0);
  });
});

describe('notices', () => {
  it('that arrive together become one demand for as many tasks', async () => {
    const { arrive, demands } = start(8);
    await arrive(...Array.from({ length: 5 }, () => notice()));
    expect(demands.map(({ tasks }) => tasks)).toEqual([5]);
  });

  it('that arrive one after the other become one demand each', async () => {
    const { arrive, demands } = start(8);
    await arrive(notice());
    await arrive(notice());
    expect(demands.map(({ tasks }) => tasks)).toEqual([1, 1]);
  });

  it('that exceed the limit of claimWork become several demands', async () => {
    const { arrive, demands, slots } = start(100);
    const notices = Array.from({ length: 70 }, () => notice());
    await arrive(...notices);
    expect(demands.map(({ tasks }) => tasks)).toEqual([32, 32, 6]);
    for (const demand of demands) demand.answered(0);
    expect(slots.free).toBe(100);
    expect(notices.every(({ settled }) => settled.length === 1)).toBe(true);
  });

  it('return the surplus slots if fewer tasks were claimed', async () => {
    const { arrive, demands, slots } = start(8);
    const notices = [notice(), notice(), notice()];
    await arrive(...notices);
    demands[0]?.answered(1);
    expect(slots.free).toBe(7);
    expect(notices.map(({ settled }) => settled)).toEqual([['done'], ['done'], ['done']]);
  });

  it('cause no empty demand when their stream completes', async () => {
    const { arrive, demands, seen, notices$ } = start();
    await arrive(notice());
    notices$.complete();
    await turns(2);
    expect(seen.complete).toBe(true);
    expect(demands.map(({ tasks }) => tasks)).toEqual([1]);
  });
});

describe('a notice that waited in the queue', () => {
  it('is trusted without a check if it is less than 5 s old', async () => {
    const { arrive, status, demands } = start();
    await arrive(notice(STALE_MS - 1));
    expect(status).toHaveLength(0);
    expect(demands).toHaveLength(1);
  });

  it('is checked if it is older, and holds its slot meanwhile', async () => {
    const { arrive, status, demands, slots } = start();
    await arrive(notice(STALE_MS, 'old-task'));
    expect(status.map(({ asked }) => asked)).toEqual(['old-task']);
    expect(demands).toHaveLength(0);
    expect(slots.free).toBe(3);
  });

  it('is valid while its run is pending', async () => {
    const { arrive, status, demands, pendingTasks } = start();
    await arrive(notice(STALE_MS));
    status[0]?.answer(statusOf('pending'));
    await turns(2);
    expect(demands).toHaveLength(1);
    expect(pendingTasks).toHaveLength(0);
  });

  it.each([
    ['is valid while any task is pending, because its own task was claimed for another notice', 2, 1],
    ['is not valid if nothing is pending', 0, 0],
    ['is not valid if its run is not pending and the worker may not count the others', undefined, 0],
  ])('%s', async (_, pending, expected) => {
    const { arrive, status, demands, pendingTasks, slots } = start();
    const old = notice(STALE_MS);
    await arrive(old);
    status[0]?.answer(statusOf('running'));
    await turns(2);
    pendingTasks[0]?.answer(pending);
    await turns(2);
    expect(demands).toHaveLength(expected);
    expect(old.settled).toEqual(expected === 0 ? ['done'] : []);
    expect(slots.free).toBe(4 - expected);
  });

  it.each([
    ['the worker may make neither check', undefined],
    ['the status of its task is unknown, but some task is pending', 1],
  ])('is valid if %s', async (_, pending) => {
    const { arrive, status, pendingTasks, demands } = start();
    await arrive(notice(STALE_MS));
    status[0]?.answer(undefined);
    await turns(2);
    pendingTasks[0]?.answer(pending);
    await turns(2);
    expect(demands).toHaveLength(1);
  });

  it('is valid if the check fails', async () => {
    const { arrive, status, demands } = start();
    await arrive(notice(STALE_MS));
    status[0]?.fail();
    await turns(2);
    expect(demands).toHaveLength(1);
  });

  it('does not delay newer notices while it is checked', async () => {
    const { arrive, demands } = start();
    await arrive(notice(STALE_MS), notice());
    expect(demands.map(({ tasks }) => tasks)).toEqual([1]);
  });

  it('frees its slot before it is settled, so that the consumer’s window does not change', async () => {
    const { arrive, status, pendingTasks, slots } = start(1);
    const freeWhenSettled: number[] = [];
    const old = { ...notice(STALE_MS), done: () => void freeWhenSettled.push(slots.free) };
    await arrive(old);
    status[0]?.answer(statusOf('running'));
    await turns(2);
    pendingTasks[0]?.answer(0);
    await turns(2);
    expect(freeWhenSettled).toEqual([1]);
  });
});

describe('unsubscribing', () => {
  it('returns the notices that are not demand yet, and their slots', async () => {
    const { arrive, subscription, slots, notices$ } = start();
    const [checked, fresh] = [notice(STALE_MS), notice()];
    await arrive(checked);
    notices$.next(fresh);
    subscription.unsubscribe();
    expect(slots.free).toBe(4);
    expect([checked.settled, fresh.settled]).toEqual([['given back'], ['given back']]);
    await turns(2);
    expect([checked.settled, fresh.settled]).toEqual([['given back'], ['given back']]);
  });

  it('lets claims that are already in progress settle their notices', async () => {
    const { arrive, demands, subscription, slots } = start();
    const one = notice();
    await arrive(one);
    subscription.unsubscribe();
    expect(one.settled).toEqual([]);
    expect(slots.free).toBe(3);
    demands[0]?.answered(0);
    expect(slots.free).toBe(4);
    expect(one.settled).toEqual(['done']);
  });
});

describe('the check of an old notice', () => {
  it('takes only seconds even if the queue is silent, and then trusts the notice', async () => {
    const { rootUrl, requests } = await webServer(silence);
    const queue = connectQueue({
      rootUrl,
      credentials: { clientId: 'x', accessToken: new Secret('x') },
      taskQueueId: 'p/w',
      workerGroup: 'g',
      workerId: 'w',
    });
    const notices$ = new Subject<PendingNotice>();
    const demands: Demand[] = [];
    const listening = notices$
      .pipe(demandFromNotices(queue, slotsFor(1)))
      .subscribe(demand => demands.push(demand));
    onTestFinished(() => {
      listening.unsubscribe();
    });
    // Each of two calls over a hanging connection could take 30 s.
    const tooLate = sleep(12_000, 'too late');
    notices$.next({ ...notice(), scheduledMs: 0 });
    const believed = waitFor(() => {
      expect(demands).toHaveLength(1);
    });
    expect(await Promise.race([believed.then(() => 'believed'), tooLate])).toBe('believed');
    expect(requests.length).toBeGreaterThan(0);
  });
});
