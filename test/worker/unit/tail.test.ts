import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tailOf } from '../../../src/worker/task-log/tail.ts';

describe('a tail', () => {
  it('is the end of what was written, whatever the pieces are', () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 12 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), pieces, (size, list) => {
        const tail = tailOf(size);
        for (const piece of list) tail.push(Buffer.from(piece));
        const all = Buffer.concat(list);
        expect(tail.passed).toBe(all.length);
        expect(tail.take().equals(all.subarray(Math.max(0, all.length - size)))).toBe(true);
      }),
    );
  });

  it('is taken without a copy', () => {
    const tail = tailOf(1_000_000);
    tail.push(Buffer.alloc(10));
    const { buffer } = tail.take();
    for (let count = 0; count < 5; count++) tail.push(Buffer.alloc(300_000));
    expect(tail.take().buffer).toBe(buffer);
  });
});
