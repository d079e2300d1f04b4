import { BehaviorSubject, NEVER } from 'rxjs';
import { onTestFinished, describe, expect, it } from 'vitest';
import { queueExchanges } from '../../src/exchanges/index.ts';
import type { Pulse } from '../../src/pulse/index.ts';
import { pendingNotices, type PendingNotice } from '../../src/streams/index.ts';
import {
  pendingKey,
  startPulse,
  statusWith,
  TASK_ID,
  TASK_QUEUE_ID,
  turns,
  type PulseUnderTest,
} from './pulse-under-test.ts';
import { waitFor } from '../wait-for.ts';

const SHARED_QUEUE = `queue/worker/tcw-pending/v1/${TASK_QUEUE_ID}`;

/**
 * Listens as a worker does: each notice that arrives lowers the demand. `demand$` can be raised again.
 */
function listen({ worker }: PulseUnderTest, demand: number, pulse: Pulse = worker) {
  const demand$ = new BehaviorSubject(demand);
  const notices: PendingNotice[] = [];
  const problems: string[] = [];
  const seen = { listening: false, ended: undefined as unknown };
  const feed = pendingNotices(pulse, TASK_QUEUE_ID, demand$, problem => problems.push(problem));
  feed.listening$.subscribe(listening => (seen.listening = listening));
  const subscription = feed.items$.subscribe({
    next: notice => {
      demand$.next(demand$.value - 1);
      notices.push(notice);
    },
    error: (error: unknown) => (seen.ended = error),
  });
  onTestFinished(() => {
    subscription.unsubscribe();
  });
  return { demand$, notices, problems, seen, subscription };
}

describe('notices of pending tasks', () => {
  it('have the task, the run and the time when it became pending, in either time format', async () => {
    const pulse = await startPulse();
    const { notices } = listen(pulse, 2);
    await turns();
    await pulse.pending({ scheduled: '2026-11-20T22:18:35.65+00:00' });
    await pulse.pending({ scheduled: '2026-11-20T22:18:35.650Z' });
    await turns();
    const scheduledMs = Date.UTC(2026, 10, 20, 22, 18, 35, 650);
    expect(notices).toMatchObject([
      { taskId: TASK_ID, runId: 0, scheduledMs },
      { taskId: TASK_ID, runId: 0, scheduledMs },
    ]);
  });

  it.each(['', 'pool', 'a/', '/b', 'a/b/c', 5])('require a taskQueueId of two parts, not %j', async id => {
    const pulse = await startPulse();
    const notices = () => pendingNotices(pulse.worker, id as string, NEVER, () => undefined);
    expect(notices).toThrow('taskQueueId must have the form <provisionerId>/<workerType>');
  });

  it('are those of one task queue', async () => {
    const pulse = await startPulse();
    const { notices } = listen(pulse, 5);
    await turns();
    const body = { version: 1, runId: 0, status: statusWith({}) };
    for (const pool of [{ provisionerId: 'other' }, { workerType: 'other' }]) {
      await pulse.publish(queueExchanges.taskPending.exchange, pendingKey(pool), body);
    }
    await pulse.pending();
    await turns();
    expect(notices).toHaveLength(1);
  });

  it('arrive as many as are requested, and leave the others to other workers', async () => {
    const pulse = await startPulse();
    const { notices, demand$ } = listen(pulse, 2);
    await turns();
    for (let count = 0; count < 5; count++) await pulse.pending();
    await turns();
    expect(notices).toHaveLength(2);
    expect(pulse.broker.queue(SHARED_QUEUE).length).toBe(3);
    demand$.next(1);
    await turns();
    expect(notices).toHaveLength(3);
  });

  it('wake exactly one worker of a pool for each task', async () => {
    const pulse = await startPulse();
    const workers = [
      listen(pulse, 10),
      listen(pulse, 10, pulse.connect()),
      listen(pulse, 10, pulse.connect()),
    ];
    await turns();
    for (let count = 0; count < 6; count++) await pulse.pending();
    await turns();
    expect(workers.map(({ notices }) => notices.length)).toEqual([2, 2, 2]);
  });

  it('are removed from the queue when they are done', async () => {
    const pulse = await startPulse();
    const { notices, subscription } = listen(pulse, 1);
    await turns();
    await pulse.pending();
    await turns();
    notices[0]?.done();
    await turns();
    subscription.unsubscribe();
    await turns();
    expect(pulse.broker.queue(SHARED_QUEUE).length).toBe(0);
  });

  it('reach another worker when they are given back', async () => {
    const pulse = await startPulse();
    const first = listen(pulse, 1);
    await turns();
    await pulse.pending();
    await turns();
    const second = listen(pulse, 1, pulse.connect());
    await turns();
    first.notices[0]?.giveBack();
    await turns();
    expect(second.notices).toHaveLength(1);
  });

  it('reach another worker when this one disappears', async () => {
    const pulse = await startPulse();
    const first = listen(pulse, 2);
    await turns();
    await pulse.pending();
    await pulse.pending();
    await turns();
    expect(first.notices).toHaveLength(2);
    first.subscription.unsubscribe();
    const second = listen(pulse, 2, pulse.connect());
    await turns();
    expect(second.notices).toHaveLength(2);
  });

  it('wait in the shared queue while no worker of the pool listens', async () => {
    const pulse = await startPulse();
    listen(pulse, 0).subscription.unsubscribe();
    const paused = listen(pulse, 0);
    await turns();
    expect(paused.seen.listening).toBe(true);
    await pulse.pending();
    await turns();
    expect(paused.notices).toEqual([]);
    paused.demand$.next(1);
    await turns();
    expect(paused.notices).toHaveLength(1);
  });

  it('are limited to fewer than PulseGuardian warns about, and the oldest are dropped first', async () => {
    const pulse = await startPulse();
    listen(pulse, 0);
    await turns();
    const { options } = pulse.broker.queue(SHARED_QUEUE);
    expect(options).toEqual({
      exclusive: false,
      durable: true,
      autoDelete: false,
      maxLength: 1_500,
      expiresMs: 6 * 3_600_000,
    });
  });

  it('that arrive after a lost connection can be settled, those from before it cannot', async () => {
    const pulse = await startPulse();
    const { notices, demand$ } = listen(pulse, 1);
    await turns();
    await pulse.pending();
    await turns();
    await pulse.broker.dropConnections();
    demand$.next(1);
    await waitFor(() => {
      expect(notices).toHaveLength(2);
    });
    notices[0]?.done();
    notices[1]?.giveBack();
    demand$.next(1);
    await waitFor(() => {
      expect(notices).toHaveLength(3);
    });
  });
});

describe('a notice with an unknown age', () => {
  it.each([
    ['its run is missing', {}, { runs: [] }],
    ['its time matches the schema but is invalid', { scheduled: '2016-12-31T23:59:60Z' }, {}],
  ])('counts as old, and does not end the stream: %s', async (_, run, status) => {
    const pulse = await startPulse();
    const { notices, seen, problems } = listen(pulse, 2);
    await turns();
    await pulse.pending(run, status);
    await pulse.pending();
    await turns();
    expect(problems).toEqual([]);
    expect(seen.ended).toBeUndefined();
    expect(notices).toHaveLength(2);
    expect(notices[0]?.scheduledMs).toBe(0);
  });
});
