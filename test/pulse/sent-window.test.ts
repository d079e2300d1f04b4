import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SentWindow } from '../../src/pulse/publish/sent-window.ts';

const message = (number: number, bytes = 1) => ({ number, bytes, slot: -1 });

describe('the window of sent messages', () => {
  it('keeps the order of sending, whatever is removed in between', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(7), { nil: undefined }), { maxLength: 60 }), steps => {
        const window = new SentWindow<ReturnType<typeof message>>(8, 1_000);
        let expected: ReturnType<typeof message>[] = [];
        steps.forEach((taken, number) => {
          if (taken === undefined) {
            if (!window.fits(1)) return;
            const sent = message(number);
            window.add(sent);
            expected.push(sent);
          } else {
            const gone = expected[taken % Math.max(1, expected.length)];
            if (gone) expect(window.delete(gone)).toBe(true);
            expected = expected.filter(sent => sent !== gone);
          }
          expect(window.inOrder()).toEqual(expected);
          expect(window.size).toBe(expected.length);
        });
      }),
    );
  });

  it('is full if the oldest message is too far behind', () => {
    const window = new SentWindow<ReturnType<typeof message>>(3, 1_000);
    const [first, second, third] = [message(1), message(2), message(3)];
    for (const sent of [first, second, third]) window.add(sent);
    window.delete(second);
    expect(window.fits(1)).toBe(false);
    window.delete(first);
    expect(window.fits(1)).toBe(true);
  });

  it('is full if it has too many bytes, but has room for one message of any size', () => {
    const window = new SentWindow<ReturnType<typeof message>>(8, 10);
    expect(window.fits(11)).toBe(true);
    const [large, small] = [message(1, 11), message(2, 4)];
    window.add(large);
    expect(window.fits(0)).toBe(false);
    window.delete(large);
    window.add(small);
    expect([window.fits(6), window.fits(7)]).toEqual([true, false]);
    expect(window.takeAll()).toEqual([small]);
    expect([window.size, window.fits(10), window.delete(small)]).toEqual([0, true, false]);
  });

  it('remembers abandoned messages', () => {
    const window = new SentWindow<ReturnType<typeof message>>(3, 1_000);
    const sent = message(1);
    window.add(sent);
    expect(window.delete(sent)).toBe(true);
    expect(window.delete(sent)).toBe(false);
    expect(window.size).toBe(0);
  });
});
