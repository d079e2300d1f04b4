import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isoTime, postgresTime } from '../../src/local/times.ts';

describe('a time in the format of PostgreSQL', () => {
  it.each([
    ['2026-11-20T22:38:35.727Z', '2026-11-20T22:38:35.727+00:00'],
    ['2026-11-20T22:38:35.720Z', '2026-11-20T22:38:35.72+00:00'],
    ['2026-11-20T22:38:35.700Z', '2026-11-20T22:38:35.7+00:00'],
    ['2026-11-20T22:38:30.000Z', '2026-11-20T22:38:30+00:00'],
  ])('has no trailing zeros: %s is %s', (iso, postgres) => {
    expect(postgresTime(Date.parse(iso))).toBe(postgres);
  });

  it('is the same time as in the format that ends in Z', () => {
    fc.assert(
      fc.property(fc.nat(4_000_000_000_000), ms => {
        expect(Date.parse(postgresTime(ms))).toBe(Date.parse(isoTime(ms)));
      }),
    );
  });
});
