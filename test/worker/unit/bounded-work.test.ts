import { describe, expect, it } from 'vitest';
import { permits } from '../../../src/worker/files/permits.ts';

describe('permits', () => {
  it('limit how much work runs at a time, first come, first served, whatever the outcome', async () => {
    const two = permits(2);
    const order: number[] = [];
    let [active, most] = [0, 0];
    const results = await Promise.allSettled(
      Array.from({ length: 9 }, (_, index) =>
        two.with(async () => {
          order.push(index);
          most = Math.max(most, ++active);
          await new Promise(resolve => setImmediate(resolve));
          active--;
          if (index % 3 === 0) throw new Error(`${index} failed`);
          return index;
        }),
      ),
    );
    expect(most).toBe(2);
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(results.map(({ status }) => status === 'rejected')).toEqual(order.map(index => index % 3 === 0));
  });
});
