import fc from 'fast-check';
import { filter } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { slotsFor } from '../../../src/worker/life/slots.ts';

describe('the slots of a worker', () => {
  it('are all free at first', () => {
    const slots = slotsFor(3);
    const seen: number[] = [];
    slots.free$.subscribe(free => seen.push(free));
    expect(slots.free).toBe(3);
    expect(seen).toEqual([3]);
  });

  it('are taken as requested, up to the number that is free', () => {
    const slots = slotsFor(3);
    expect(slots.take(2)).toBe(2);
    expect(slots.take(2)).toBe(1);
    expect(slots.take(2)).toBe(0);
    expect(slots.free).toBe(0);
  });

  it('are limited to a total number of runs if one is configured', () => {
    const slots = slotsFor(2, 3);
    slots.take(2);
    slots.leave();
    expect(slots.free).toBe(1);
    slots.take(1);
    slots.leave();
    expect(slots.free).toBe(0);
    // A slot for which no claim came does not count as a run.
    slots.giveBack(1);
    expect(slots.take(5)).toBe(1);
  });

  it('count as unused when no call is open and nothing runs, also during a pause', () => {
    const slots = slotsFor(2);
    const seen: boolean[] = [];
    slots.unused$.subscribe(unused => seen.push(unused));
    slots.take(1);
    slots.take(1);
    slots.pause('quarantine');
    slots.leave();
    expect(seen).toEqual([true, false]);
    slots.giveBack(1);
    expect(seen).toEqual([true, false, true]);
    expect(slots.free).toBe(0);
  });

  it('are not free while there is any reason to pause', () => {
    const slots = slotsFor(2);
    const seen: number[] = [];
    slots.free$.subscribe(free => seen.push(free));
    slots.pause('quarantine');
    slots.pause('disk');
    slots.resume('quarantine');
    expect(slots.free).toBe(0);
    slots.pause('disk');
    slots.resume('quarantine');
    expect(slots.take(1)).toBe(0);
    slots.resume('disk');
    expect(seen).toEqual([2, 0, 2]);
  });

  it('may be taken out of service one by one, and put back', () => {
    const slots = slotsFor(2);
    const seen: boolean[] = [];
    slots.outOfService$.subscribe(none => seen.push(none));
    slots.take(2);
    slots.disable();
    expect(slots.free).toBe(0);
    slots.leave();
    expect(slots.free).toBe(1);
    slots.take(1);
    slots.disable();
    expect(slots.free).toBe(0);
    expect(seen).toEqual([false, true]);
    slots.enable();
    expect(slots.take(2)).toBe(1);
    expect(seen).toEqual([false, true, false]);
  });

  it('count as unused when the only ones in use are out of service', () => {
    const slots = slotsFor(2);
    const seen: boolean[] = [];
    slots.unused$.subscribe(unused => seen.push(unused));
    slots.take(1);
    slots.disable();
    expect(seen).toEqual([true, false, true]);
  });

  it('emit their number when it changes, and only then', () => {
    const slots = slotsFor(2);
    const seen: number[] = [];
    slots.free$.subscribe(free => seen.push(free));
    slots.take(0);
    slots.giveBack(0);
    slots.take(2);
    slots.take(1);
    slots.giveBack(1);
    expect(seen).toEqual([2, 0, 1]);
  });

  it('never exceed the capacity or fall below zero', () => {
    const step = fc.record({ take: fc.boolean(), count: fc.integer({ min: -3, max: 300 }) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 255 }), fc.array(step), (capacity, steps) => {
        const slots = slotsFor(capacity);
        for (const { take, count } of steps) {
          const before = slots.free;
          if (take) {
            const given = slots.take(count);
            expect(given).toBe(Math.max(0, Math.min(count, before)));
            expect(slots.free).toBe(before - given);
          } else slots.giveBack(count);
          expect(slots.free).toBeGreaterThanOrEqual(0);
          expect(slots.free).toBeLessThanOrEqual(capacity);
        }
      }),
    );
  });

  // If a consumer learned of a free slot that has been taken meanwhile, it would request one more message from the
  // broker, give it back, and get it again, a thousand times in 0.2 s.
  it('emit the current number even if an earlier subscriber takes some on notification', () => {
    const slots = slotsFor(2);
    slots.take(2);
    slots.free$.pipe(filter(free => free > 0)).subscribe(free => {
      slots.take(free);
    });
    const seen: number[] = [];
    slots.free$.subscribe(free => seen.push(free));
    slots.giveBack(1);
    slots.giveBack(1);
    expect(slots.free).toBe(0);
    expect(seen).toEqual([0]);
  });
});
