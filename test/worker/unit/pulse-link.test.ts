import { NEVER } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { pulseLink } from '../../../src/worker/asking/pulse-link.ts';
import { slotsFor } from '../../../src/worker/life/slots.ts';
import type { PendingNotice, RunException } from '../../../src/streams/index.ts';
import {
  declareExchanges,
  POOL,
  startPulse,
  TASK_ID,
  turns,
  WORKER,
  type PulseUnderTest,
} from '../../streams/pulse-under-test.ts';
import { fakeTimers } from '../../streams/virtual-time.ts';
import { eventLog } from './fake-queue.ts';
import { workerConfig } from './worker-config.ts';

const PATIENCE_MS = 2_000;
const MEMORY_MS = 60_000;
const LOOK_AGAIN_MS = 60_000;

/** Links a worker to Pulse, and subscribes to its notices as a worker does. */
function link({ worker: pulse }: PulseUnderTest, capacity = 2) {
  const events = eventLog();
  const slots = slotsFor(capacity);
  const seen = { up: [] as boolean[], notices: [] as PendingNotice[], exceptions: [] as RunException[] };
  const made = pulseLink(pulse, workerConfig({ ...POOL, ...WORKER }), slots, NEVER, events.emit);
  const subscriptions = [
    made.exceptions$.subscribe(exception => seen.exceptions.push(exception)),
    made.notices$.subscribe(notice => {
      slots.take(1);
      seen.notices.push(notice);
    }),
    made.up$.subscribe(up => seen.up.push(up)),
  ];
  onTestFinished(() => {
    subscriptions.forEach(subscription => {
      subscription.unsubscribe();
    });
  });
  return { ...made, seen, slots, events };
}

const after = async (ms: number) => {
  await turns();
  await vi.advanceTimersByTimeAsync(ms);
  await turns();
};

describe('Pulse is up', () => {
  it('when both exceptions and notices are consumed', async () => {
    const pulse = await startPulse();
    fakeTimers();
    const { seen } = link(pulse);
    await after(0);
    expect(seen.up).toEqual([true]);
    await pulse.pending();
    await pulse.exception();
    await after(0);
    expect(seen.notices).toHaveLength(1);
    expect(seen.exceptions).toEqual([{ taskId: TASK_ID, runId: 0, reason: 'canceled' }]);
  });

  it('while all slots are taken, and notices then wait for a slot', async () => {
    const pulse = await startPulse();
    fakeTimers();
    const { seen, slots } = link(pulse, 1);
    slots.take(1);
    await after(0);
    expect(seen.up).toEqual([true]);
    await pulse.pending();
    await after(0);
    expect(seen.notices).toEqual([]);
    slots.giveBack(1);
    await after(0);
    expect(seen.notices).toHaveLength(1);
  });
});

describe('Pulse is down', () => {
  it('when nothing could be consumed for two seconds, and not before', async () => {
    const pulse = await startPulse({ exchanges: false });
    fakeTimers();
    const { seen, events } = link(pulse);
    await after(PATIENCE_MS - 1);
    expect(seen.up).toEqual([]);
    await after(1);
    expect(seen.up).toEqual([false]);
    expect(events.lines).toMatchObject([{ level: 'warn' }, { level: 'warn' }]);
  });

  it('until the broker allows what it refused before', async () => {
    const pulse = await startPulse({ exchanges: false });
    fakeTimers();
    const { seen } = link(pulse);
    await after(PATIENCE_MS);
    declareExchanges(pulse.broker);
    await after(LOOK_AGAIN_MS);
    expect(seen.up).toEqual([false, true]);
  });

  it('only after more than a short interruption, which does not justify a long poll', async () => {
    const pulse = await startPulse();
    fakeTimers();
    const { seen } = link(pulse);
    await after(0);
    await pulse.broker.dropConnections();
    await after(100);
    await after(PATIENCE_MS);
    expect(seen.up).toEqual([true]);
    await pulse.pending();
    await after(0);
    expect(seen.notices).toHaveLength(1);
  });
});

describe('exceptions', () => {
  it('of the last minute are replayed to a new run, because one may arrive before the answer to the claim', async () => {
    const pulse = await startPulse();
    fakeTimers();
    const { exceptions$ } = link(pulse);
    await after(0);
    await pulse.exception();
    await after(MEMORY_MS - 1);
    const early: RunException[] = [];
    exceptions$.subscribe(exception => early.push(exception)).unsubscribe();
    expect(early).toHaveLength(1);
    await after(2);
    const late: RunException[] = [];
    exceptions$.subscribe(exception => late.push(exception)).unsubscribe();
    expect(late).toEqual([]);
  });
});

describe('exceptions may have been missed', () => {
  const missedBy = ({ missed$ }: ReturnType<typeof link>) => {
    const seen = { missed: 0 };
    const subscription = missed$.subscribe(() => seen.missed++);
    onTestFinished(() => {
      subscription.unsubscribe();
    });
    return seen;
  };

  it('each time that Pulse reconnects', async () => {
    const pulse = await startPulse();
    fakeTimers();
    const linked = link(pulse);
    await after(0);
    const run = missedBy(linked);
    expect(run.missed).toBe(0);
    for (let count = 1; count <= 2; count++) {
      await pulse.broker.dropConnections();
      await after(100);
      expect(run.missed).toBe(count);
    }
  });

  it('by a run that started while Pulse was down', async () => {
    const pulse = await startPulse({ exchanges: false });
    fakeTimers();
    const linked = link(pulse);
    await after(PATIENCE_MS);
    const run = missedBy(linked);
    declareExchanges(pulse.broker);
    await after(LOOK_AGAIN_MS);
    expect(run.missed).toBe(1);
  });

  it('but not by a run that started after Pulse reconnected', async () => {
    const pulse = await startPulse();
    fakeTimers();
    const linked = link(pulse);
    await after(0);
    await pulse.broker.dropConnections();
    await after(100);
    const run = missedBy(linked);
    await after(1_000);
    expect(run.missed).toBe(0);
  });
});
