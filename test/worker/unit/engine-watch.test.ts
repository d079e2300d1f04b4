import { BehaviorSubject } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { engineWatch } from '../../../src/worker/asking/engine-watch.ts';
import { mockEngine } from '../../../src/worker/index.ts';
import { slotsFor } from '../../../src/worker/life/slots.ts';
import { fakeTimers } from '../../streams/virtual-time.ts';
import { eventLog } from './fake-queue.ts';

const TIMES = { everyMs: 30_000, againMs: 1_000, settleMs: 90_000, limitMs: 60_000 };

function start(times = TIMES) {
  fakeTimers();
  const state = { isAway: false, asked: 0, isStopping: false };
  const docker = {
    ...mockEngine(),
    name: 'docker',
    answers: async () => {
      state.asked++;
      if (state.isAway) throw new Error('no Docker engine listens at HOST');
    },
  };
  const slots = slotsFor(2);
  const events = eventLog();
  const native = mockEngine();
  const watch = engineWatch([native, docker], slots, events.emit, times, () => state.isStopping);
  let releases = 0;
  const subscription = watch.opened$.subscribe(() => releases++);
  onTestFinished(() => {
    subscription.unsubscribe();
  });
  return { state, native, docker, slots, watch, events, subscription, releases: () => releases };
}

const after = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('an engine that may become unavailable', () => {
  it('is checked before a claim, once for all claims of the same moment', async () => {
    const { state, watch, events, slots } = start();
    expect(await Promise.all([watch.check(), watch.check()])).toEqual([true, true]);
    expect([state.asked, slots.free, events.lines]).toEqual([1, 2, []]);
  });

  it('takes all slots out of use while it does not answer, and this is logged once', async () => {
    const { state, watch, events, slots, releases } = start();
    state.isAway = true;
    expect(await watch.check()).toBe(false);
    expect([slots.free, watch.isClosed]).toEqual([0, true]);
    await after(10_000);
    expect(await watch.check()).toBe(false);
    expect(events.lines).toMatchObject([
      {
        level: 'warn',
        message: 'the engine docker does not answer: this worker asks for no work until the engine answers',
        fields: { engine: 'docker', reason: 'no Docker engine listens at HOST' },
      },
    ]);
    state.isAway = false;
    await after(1_000);
    expect([slots.free, watch.isClosed, releases()]).toEqual([2, false, 1]);
    expect(events.lines.slice(1)).toMatchObject([{ level: 'info' }]);
    expect(await watch.check()).toBe(true);
  });

  it('is noticed by an idle worker, too', async () => {
    const { state, events, slots } = start();
    state.isAway = true;
    await after(30_000);
    expect([slots.free, events.lines.length]).toEqual([0, 1]);
  });

  it('ends the worker, once, when it stays unavailable for too long', async () => {
    const { state, watch, events } = start();
    state.isAway = true;
    await watch.check();
    await after(59_000);
    expect(events.lines).toHaveLength(1);
    await after(30_000);
    expect(events.lines.slice(1)).toMatchObject([
      {
        level: 'error',
        message: expect.stringMatching(/^the engine docker has been away for 60 s: the worker ends/),
      },
    ]);
  });

  it.each([
    ['if the configuration has no limit', 0, false],
    ['that is already ending', TIMES.limitMs, true],
  ])('does not end the worker %s', async (_, limitMs, isStopping) => {
    const { state, watch, events } = start({ ...TIMES, limitMs });
    Object.assign(state, { isAway: true, isStopping });
    await watch.check();
    await after(600_000);
    expect(events.lines).toHaveLength(1);
  });

  it('keeps the worker from ending because of processes that could only be ended once the engine is back', async () => {
    const { state, watch } = start();
    const outOfService$ = new BehaviorSubject(false);
    const seen: boolean[] = [];
    const subscription = watch.outOfService(outOfService$).subscribe(is => seen.push(is));
    onTestFinished(() => {
      subscription.unsubscribe();
    });
    state.isAway = true;
    // The worker has not noticed it until then.
    outOfService$.next(true);
    await after(50_000);
    expect(watch.isClosed).toBe(true);
    state.isAway = false;
    await after(80_000);
    expect(seen).not.toContain(true);
    await after(30_000);
    expect(seen.at(-1)).toBe(true);
  });

  it('does not delay the end of a worker if it was never unavailable', async () => {
    const { watch } = start();
    const seen: boolean[] = [];
    watch.outOfService(new BehaviorSubject(true)).subscribe(is => seen.push(is));
    await after(0);
    expect(seen).toEqual([true]);
  });

  it('frees the slots when the watch is unsubscribed', async () => {
    const { state, watch, slots, subscription } = start();
    state.isAway = true;
    await watch.check();
    subscription.unsubscribe();
    expect(slots.free).toBe(2);
  });

  it('is checked again for a claim that arrives more than a second after the last check, and claiming pauses', async () => {
    const { state, watch, docker, native, slots } = start();
    await watch.check();
    expect(await watch.isAway(docker, { recent: true })).toBe(false);
    expect(state.asked).toBe(1);
    state.isAway = true;
    await after(1_001);
    expect(await watch.isAway(docker, { recent: true })).toBe(true);
    expect([state.asked, slots.free]).toEqual([2, 0]);
    expect(await watch.isAway(native)).toBe(false);
  });

  it('is checked again after a failure, however recent the last check was', async () => {
    const { state, watch, docker } = start();
    await watch.check();
    state.isAway = true;
    expect(await watch.isAway(docker)).toBe(true);
  });
});
