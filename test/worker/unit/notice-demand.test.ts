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
  it('is a wish for one task, and holds its slot from the moment that it comes', async () => {
    const { arrive, demands, slots, notices$ } = start();
    const one = notice();
    notices$.next(one);
    expect(slots.free).toBe(3);
    await arrive();
    expect(demands.map(({ tasks }) => tasks)).toEqual([1]);
    expect(one.settled).toEqual([]);
  });

  it('is done when its claim has come, whose slot stays taken', async () => {
    const { arrive, demands, slots } = start();
    const one = notice();
    await arrive(one);
    demands[0]?.answered(1);
    expect(one.settled).toEqual(['done']);
    expect(slots.free).toBe(3);
  });

  it('is done, too, when somebody else had the task: its slot is free again', async () => {
    const { arrive, demands, slots } = start();
    const one = notice();
    await arrive(one);
    demands[0]?.answered(0);
    expect(one.settled).toEqual(['done']);
    expect(slots.free).toBe(4);
  });

  it('is given back when the queue could not be asked', async () => {
    const { arrive, demands, slots } = start();
    const one = notice();
    await arrive(one);
    demands[0]?.failed();
    expect(one.settled).toEqual(['given back']);
    expect(slots.free).toBe(4);
  });

  it('without a slot is another worker’s, at once', async () => {
    const { arrive, demands, slots } = start(1);
    const [one, two] = [notice(), notice()];
    await arrive(one, two);
    expect(two.settled).toEqual(['given back']);
    expect(demands.map(({ tasks }) => tasks)).toEqual([1]);
    expect(slots.free).toBe(0);
  });
});

describe('notices', () => {
  it('that come together are one wish, for as many', async () => {
    const { arrive, demands } = start(8);
    await arrive(...Array.from({ length: 5 }, () => notice()));
    expect(demands.map(({ tasks }) => tasks)).toEqual([5]);
  });

  it('that come one after the other are a wish each', async () => {
    const { arrive, demands } = start(8);
    await arrive(notice());
    await arrive(notice());
    expect(demands.map(({ tasks }) => tasks)).toEqual([1, 1]);
  });

  it('that are more than the queue gives at once are several wishes', async () => {
    const { arrive, demands, slots } = start(100);
    const notices = Array.from({ length: 70 }, () => notice());
    await arrive(...notices);
    expect(demands.map(({ tasks }) => tasks)).toEqual([32, 32, 6]);
    for (const demand of demands) demand.answered(0);
    expect(slots.free).toBe(100);
    expect(notices.every(({ settled }) => settled.length === 1)).toBe(true);
  });

  it('give back the surplus of their slots, when fewer tasks came', async () => {
    const { arrive, demands, slots } = start(8);
    const notices = [notice(), notice(), notice()];
    await arrive(...notices);
    demands[0]?.answered(1);
    expect(slots.free).toBe(7);
    expect(notices.map(({ settled }) => settled)).toEqual([['done'], ['done'], ['done']]);
  });

  it('that end are no wish for nothing', async () => {
    const { arrive, demands, seen, notices$ } = start();
    await arrive(notice());
    notices$.complete();
    await turns(2);
    expect(seen.complete).toBe(true);
    expect(demands.map(({ tasks }) => tasks)).toEqual([1]);
  });
});

describe('an old notice', () => {
  it('is believed without a question as long as it is not 5 s old', async () => {
    const { arrive, status, demands } = start();
    await arrive(notice(STALE_MS - 1));
    expect(status).toHaveLength(0);
    expect(demands).toHaveLength(1);
  });

  it('is checked, while its slot is held', async () => {
    const { arrive, status, demands, slots } = start();
    await arrive(notice(STALE_MS, 'old-task'));
    expect(status.map(({ asked }) => asked)).toEqual(['old-task']);
    expect(demands).toHaveLength(0);
    expect(slots.free).toBe(3);
  });

  it('counts while its run is pending', async () => {
    const { arrive, status, demands, pendingTasks } = start();
    await arrive(notice(STALE_MS));
    status[0]?.answer(statusOf('pending'));
    await turns(2);
    expect(demands).toHaveLength(1);
    expect(pendingTasks).toHaveLength(0);
  });

  it.each([
    ['counts while anything is pending: its own task went with another’s notice', 2, 1],
    ['does not count when nothing is pending', 0, 0],
    ['does not count when its run is not pending, and nobody may say whether another is', undefined, 0],
  ])('%s', async (_, pending, wishes) => {
    const { arrive, status, demands, pendingTasks, slots } = start();
    const old = notice(STALE_MS);
    await arrive(old);
    status[0]?.answer(statusOf('running'));
    await turns(2);
    pendingTasks[0]?.answer(pending);
    await turns(2);
    expect(demands).toHaveLength(wishes);
    expect(old.settled).toEqual(wishes === 0 ? ['done'] : []);
    expect(slots.free).toBe(4 - wishes);
  });

  it.each([
    ['no question is allowed', undefined],
    ['nothing is known of its task, but something is pending', 1],
  ])('counts where %s', async (_, pending) => {
    const { arrive, status, pendingTasks, demands } = start();
    await arrive(notice(STALE_MS));
    status[0]?.answer(undefined);
    await turns(2);
    pendingTasks[0]?.answer(pending);
    await turns(2);
    expect(demands).toHaveLength(1);
  });

  it('counts where the question fails', async () => {
    const { arrive, status, demands } = start();
    await arrive(notice(STALE_MS));
    status[0]?.fail();
    await turns(2);
    expect(demands).toHaveLength(1);
  });

  it('does not hold up those that are fresh', async () => {
    const { arrive, demands } = start();
    await arrive(notice(STALE_MS), notice());
    expect(demands.map(({ tasks }) => tasks)).toEqual([1]);
  });

  it('has its slot free again before it is settled: the consumer’s window needs no change', async () => {
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

describe('going away', () => {
  it('gives back the notices that are no wish yet, and their slots', async () => {
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

  it('leaves the wishes that are under way to their answers', async () => {
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
  it('takes seconds at most, however long the queue is silent: then the notice is believed', async () => {
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
