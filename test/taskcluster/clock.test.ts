import { describe, expect, it } from 'vitest';
import { queueClock } from '../../src/taskcluster/queue/clock.ts';

const MINUTE = 60_000;
const START = Date.UTC(2026, 9, 25, 0, 30);

/** A queue whose clock is ahead of ours by `aheadMs`, in a time that the test lets pass. */
function start(aheadMs: number) {
  let passed = 0;
  let set = 0;
  let ahead = aheadMs;
  const ours = () => START + passed + set;
  const theirs = () => START + passed + ahead;
  const clock = queueClock(() => 5_000 + passed, ours);
  return {
    clock,
    theirs,
    pass: (ms: number) => (passed += ms),
    setOurs: (ms: number) => (set += ms),
    setTheirs: (ms: number) => (ahead += ms),
    /** A call in which the queue acts after a while, and whose answer takes another. */
    call: (beforeMs: number, afterMs: number) => {
      const askedAt = 5_000 + passed;
      passed += beforeMs;
      const queueMs = theirs();
      passed += afterMs;
      clock.see({ queueMs, askedAt, answeredAt: 5_000 + passed });
    },
    errorMs: () => clock.now() - theirs(),
  };
}

describe('the queue’s clock', () => {
  it('equals this machine’s until the first answer of the queue', () => {
    expect(start(0).errorMs()).toBe(0);
    expect(start(10 * MINUTE).errorMs()).toBe(-10 * MINUTE);
  });

  it('equals this machine’s while the two agree, however slow the answers are', () => {
    const { call, errorMs, clock, theirs } = start(0);
    call(19_000, 15_000);
    expect(errorMs()).toBe(0);
    expect(clock.at(theirs() - 15_000)).toBe(5_000 + 19_000);
  });

  it.each([10 * MINUTE, -10 * MINUTE])(
    'is determined from the first answer if this machine’s is wrong: %d ms',
    ahead => {
      const { call, errorMs } = start(ahead);
      call(20_000, 12);
      expect(errorMs()).toBeLessThanOrEqual(0);
      expect(errorMs()).toBeGreaterThanOrEqual(-13);
    },
  );

  it('is more accurate after a faster answer, and is never ahead', () => {
    const { call, errorMs, pass } = start(10 * MINUTE);
    call(0, 3_000);
    expect(errorMs()).toBe(-3_001);
    call(5, 5);
    expect(errorMs()).toBe(-6);
    pass(60 * MINUTE);
    call(0, 9_000);
    expect(errorMs()).toBe(-6);
  });

  it('is unaffected when this machine’s is set, by hand or for daylight saving', () => {
    const { call, errorMs, setOurs } = start(0);
    call(5, 5);
    setOurs(60 * MINUTE);
    expect(Math.abs(errorMs())).toBeLessThanOrEqual(10);
    call(5, 5);
    setOurs(-120 * MINUTE);
    expect(Math.abs(errorMs())).toBeLessThanOrEqual(10);
  });

  it('is determined again when the queue’s is set', () => {
    const { call, errorMs, setTheirs } = start(0);
    call(5, 5);
    setTheirs(-10 * MINUTE);
    call(5, 5);
    expect(Math.abs(errorMs())).toBeLessThanOrEqual(10);
    setTheirs(10 * MINUTE);
    call(5, 5);
    expect(Math.abs(errorMs())).toBeLessThanOrEqual(10);
  });
});
