import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tailOf } from '../../../src/worker/task-log/tail.ts';

describe('a tail', () => {
  it('holds the last bytes, in whatever pieces they came', () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 12 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), pieces, (size, list) => {
        const tail = tailOf(size);
        for (const piece of list) tail.push(Buffer.from(piece));
        const all = Buffer.concat(list);
        expect(tail.passed).toBe(all.length);
        expect(tail.copy().equals(all.subarray(Math.max(0, all.length - size)))).toBe(true);
      }),
    );
  });

  it('does not change what was copied from it', () => {
    const tail = tailOf(4);
    tail.push(Buffer.from('before'));
    const copied = tail.copy();
    tail.push(Buffer.from('after'));
    expect(copied.toString()).toBe('fore');
  });
});
