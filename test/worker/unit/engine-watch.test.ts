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
  const subscription = watch.release$.subscribe(() => releases++);
  onTestFinished(() => {
    subscription.unsubscribe();
  });
  return { state, native, docker, slots, watch, events, subscription, releases: () => releases };
}

const after = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('an engine that can go away', () => {
  it('is asked before a claim, by all claims of the moment together', async () => {
    const { state, watch, events, slots } = start();
    expect(await Promise.all([watch.isThere(), watch.isThere()])).toEqual([true, true]);
    expect([state.asked, slots.free, events.lines]).toEqual([1, 2, []]);
  });

  it('takes all slots away while it does not answer, and the log says so once', async () => {
    const { state, watch, events, slots, releases } = start();
    state.isAway = true;
    expect(await watch.isThere()).toBe(false);
    expect([slots.free, watch.isOut]).toEqual([0, true]);
    await after(10_000);
    expect(await watch.isThere()).toBe(false);
    expect(events.lines).toMatchObject([
      {
        level: 'warn',
        message: 'the engine docker does not answer: this worker asks for no work until it does',
        fields: { engine: 'docker', reason: 'no Docker engine listens at HOST' },
      },
    ]);
    state.isAway = false;
    await after(1_000);
    expect([slots.free, watch.isOut, releases()]).toEqual([2, false, 1]);
    expect(events.lines.slice(1)).toMatchObject([{ level: 'info' }]);
    expect(await watch.isThere()).toBe(true);
  });

  it('is noticed by a worker that has nothing to do', async () => {
    const { state, events, slots } = start();
    state.isAway = true;
    await after(30_000);
    expect([slots.free, events.lines.length]).toEqual([0, 1]);
  });

  it('ends the worker when it stays away for too long, once', async () => {
    const { state, watch, events } = start();
    state.isAway = true;
    await watch.isThere();
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
    ['where the configuration has no limit', 0, false],
    ['while the worker ends already', TIMES.limitMs, true],
  ])('does not end the worker %s', async (_, limitMs, isStopping) => {
    const { state, watch, events } = start({ ...TIMES, limitMs });
    Object.assign(state, { isAway: true, isStopping });
    await watch.isThere();
    await after(600_000);
    expect(events.lines).toHaveLength(1);
  });

  it('keeps the slots for what it could not end: the worker does not end for them until it had time for that', async () => {
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
    expect(watch.isOut).toBe(true);
    state.isAway = false;
    await after(80_000);
    expect(seen).not.toContain(true);
    await after(30_000);
    expect(seen.at(-1)).toBe(true);
  });

  it('does not keep a worker in service whose engine was never away', async () => {
    const { watch } = start();
    const seen: boolean[] = [];
    watch.outOfService(new BehaviorSubject(true)).subscribe(is => seen.push(is));
    await after(0);
    expect(seen).toEqual([true]);
  });

  it('keeps no slot when nobody waits for it any more', async () => {
    const { state, watch, slots, subscription } = start();
    state.isAway = true;
    await watch.isThere();
    subscription.unsubscribe();
    expect(slots.free).toBe(2);
  });

  it('is asked again for a claim that comes more than a second after it was last asked, and pauses claiming', async () => {
    const { state, watch, docker, native, slots } = start();
    await watch.isThere();
    expect(await watch.isAway(docker, { recent: true })).toBe(false);
    expect(state.asked).toBe(1);
    state.isAway = true;
    await after(1_001);
    expect(await watch.isAway(docker, { recent: true })).toBe(true);
    expect([state.asked, slots.free]).toEqual([2, 0]);
    expect(await watch.isAway(native)).toBe(false);
  });

  it('is asked again after a failure, however recent the last answer is', async () => {
    const { state, watch, docker } = start();
    await watch.isThere();
    state.isAway = true;
    expect(await watch.isAway(docker)).toBe(true);
  });
});
