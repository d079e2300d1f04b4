import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { quarantine } from '../../../src/worker/asking/quarantine.ts';
import { slotsFor } from '../../../src/worker/life/slots.ts';
import { fakeTimers } from '../../streams/virtual-time.ts';
import { eventLog, fakeQueue } from './fake-queue.ts';

const MINUTE = 60_000;
const LOOK_AGAIN_MS = 5 * MINUTE;

/** A worker with two slots, at a queue that answers as the test decides. */
function start(queueSays: { pending?: number | undefined; until?: number | undefined | Error }) {
  fakeTimers();
  const says = { pending: 1, ...queueSays };
  const asked = { pending: 0, until: 0 };
  const slots = slotsFor(2);
  const events = eventLog();
  const under = quarantine(
    {
      ...fakeQueue().queue,
      pendingTasks: () => {
        asked.pending++;
        return Promise.resolve(says.pending);
      },
      quarantinedUntil: () => {
        asked.until++;
        return says.until instanceof Error ? Promise.reject(says.until) : Promise.resolve(says.until);
      },
    },
    slots,
    events.emit,
  );
  let released = 0;
  const subscription = under.ended$.subscribe(() => released++);
  onTestFinished(() => {
    subscription.unsubscribe();
  });
  const empty = (isExpected = true) => under.isQuarantined(isExpected, 0);
  const levels = () => events.lines.map(({ level }) => level);
  return { ...under, says, asked, slots, events, empty, levels, subscription, released: () => released };
}

const after = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('an empty answer to claimWork', () => {
  it('is not suspicious while nothing is pending', async () => {
    const { empty, asked, slots } = start({ pending: 0, until: Date.now() + MINUTE });
    expect(await empty()).toBe(false);
    expect(asked.until).toBe(0);
    expect(slots.free).toBe(2);
  });

  it('has no consequence if the queue says that the worker is not quarantined', async () => {
    const { empty, slots, levels } = start({ until: 0 });
    for (let time = 0; time < 10; time++) expect(await empty()).toBe(false);
    expect(slots.free).toBe(2);
    expect(levels()).toEqual([]);
  });

  it('has no consequence if the queue cannot be asked', async () => {
    const { empty, slots } = start({ until: new Error('out of order') });
    expect(await empty()).toBe(false);
    expect(slots.free).toBe(2);
  });

  it('leads to a check at most every ten minutes if the worker polls', async () => {
    const { empty, asked } = start({ until: 0 });
    for (let second = 0; second < 3_600; second += 20) {
      await after(20_000);
      expect(await empty(false)).toBe(false);
    }
    expect(asked).toEqual({ pending: 0, until: 6 });
  });
});

describe('a quarantine', () => {
  it('takes all slots, including those that become free meanwhile, and is logged once with its end', async () => {
    fakeTimers();
    const until = Date.now() + 60 * MINUTE;
    const { empty, slots, events } = start({ until });
    slots.take(1);
    expect(await empty()).toBe(true);
    slots.giveBack(1);
    expect(slots.free).toBe(0);
    expect(slots.take(1)).toBe(0);
    await after(30 * MINUTE);
    expect(slots.free).toBe(0);
    expect(events.lines).toMatchObject([{ level: 'warn', fields: { until: new Date(until).toJSON() } }]);
  });

  it('ends at its time, and the end is logged', async () => {
    fakeTimers();
    const { empty, slots, levels, released } = start({ until: Date.now() + 2 * MINUTE });
    await empty();
    await after(2 * MINUTE - 1);
    expect(slots.free).toBe(0);
    expect(released()).toBe(0);
    await after(1);
    expect(slots.free).toBe(2);
    expect(released()).toBe(1);
    expect(levels()).toEqual(['warn', 'info']);
  });

  it('may be extended, or lifted early, which is noticed within five minutes', async () => {
    fakeTimers();
    const { empty, slots, says, levels } = start({ until: Date.now() + 600 * MINUTE });
    await empty();
    says.until = Date.now() + 900 * MINUTE;
    await after(LOOK_AGAIN_MS);
    expect(slots.free).toBe(0);
    says.until = 0;
    await after(LOOK_AGAIN_MS);
    expect(slots.free).toBe(2);
    expect(levels()).toEqual(['warn', 'warn', 'info']);
  });

  it('causes few calls however long it is, and continues while the queue fails', async () => {
    fakeTimers();
    const { empty, asked, slots, says } = start({ until: Date.now() + 48 * 60 * MINUTE });
    await empty();
    says.until = new Error('out of order');
    await after(24 * 60 * MINUTE);
    expect(asked).toEqual({ pending: 1, until: 289 });
    expect(slots.free).toBe(0);
    says.until = 0;
    await after(LOOK_AGAIN_MS);
    expect(slots.free).toBe(2);
  });

  it('leaves no timer when the worker shuts down', async () => {
    fakeTimers();
    const { empty, slots, subscription } = start({ until: Date.now() + 60 * MINUTE });
    await empty();
    subscription.unsubscribe();
    expect(vi.getTimerCount()).toBe(0);
    expect(slots.free).toBe(2);
  });
});

describe('a quarantine that the worker is not allowed to query', () => {
  it('is assumed after the second suspicious answer, after which the worker claims less and less often', async () => {
    const { empty, slots, levels } = start({ until: undefined });
    expect(await empty()).toBe(true);
    expect(slots.free).toBe(2);
    let tries = 0;
    for (let minute = 0; minute < 60; minute++) {
      if (slots.free > 0) {
        tries++;
        expect(await empty()).toBe(true);
        expect(slots.free).toBe(0);
      }
      await after(MINUTE);
    }
    expect(tries).toBeGreaterThan(8);
    expect(tries).toBeLessThan(18);
    expect(levels()).toEqual(['warn']);
  });

  it('ends with the first task that is claimed', async () => {
    const worker = start({ until: undefined });
    const { empty, slots, levels } = worker;
    await empty();
    await empty();
    await after(30_000);
    expect(slots.free).toBe(2);
    expect(await worker.isQuarantined(true, 1)).toBe(false);
    await empty();
    expect(slots.free).toBe(2);
    expect(levels()).toEqual(['warn', 'info']);
  });

  it('is not assumed after one suspicious answer, unless the worker may not count pending tasks', async () => {
    const { empty, slots } = start({ pending: undefined, until: undefined });
    expect(await empty()).toBe(false);
    expect(slots.free).toBe(2);
    expect(await empty()).toBe(true);
    expect(slots.free).toBe(0);
  });
});

describe('a quarantine whose end cannot be queried', () => {
  it('is queried again within seconds, so that the worker is not idle for minutes', async () => {
    const { empty, says, asked, released, slots } = start({ until: Date.now() + MINUTE });
    expect(await empty()).toBe(true);
    says.until = new Error('out of order');
    await after(MINUTE);
    for (let count = 0; count < 3; count++) await after(4_500);
    expect(asked.until).toBeGreaterThanOrEqual(4);
    expect(released()).toBe(0);
    expect(slots.free).toBe(0);
    says.until = 0;
    await after(30_500);
    expect(released()).toBe(1);
    expect(slots.free).toBe(2);
  });
});
