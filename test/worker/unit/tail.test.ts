import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tailOf } from '../../../src/worker/task-log/tail.ts';

describe('a tail', () => {
  it('is the end of what went by, whatever its pieces', () => {
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

  it('is taken without a copy of it', () => {
    const tail = tailOf(8_000_000);
    const piece = Buffer.alloc(3_000_000);
    for (let count = 0; count < 5; count++) tail.push(piece);
    const before = process.memoryUsage().arrayBuffers;
    const taken = tail.take();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
    expect(taken).toHaveLength(8_000_000);
  });
});
