import { describe, expect, it } from 'vitest';
import { leavingTime, renewalTime } from '../../../src/pool/registration/membership/renewal-time.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const NOW = 1_700_000_000_000;

describe('credentials are renewed', () => {
  it.each([
    ['96 hours', 96 * 60 * MINUTE, 96 * 60 * MINUTE - 30 * MINUTE],
    ['35 minutes', 35 * MINUTE, 5 * MINUTE],
    ['34 minutes', 34 * MINUTE, 5 * MINUTE],
    ['six minutes', 6 * MINUTE, 5 * MINUTE],
    ['five minutes', 5 * MINUTE, 4.5 * MINUTE],
    ['40 s', 40 * SECOND, 20 * SECOND],
    ['10 s', 10 * SECOND, 5 * SECOND],
    ['100 ms', 100, SECOND],
    ['nothing', 0, MINUTE],
    ['less than nothing', -MINUTE, MINUTE],
  ])('in time if they last for %s', (_, lifeMs, afterMs) => {
    expect(renewalTime(NOW + lifeMs, NOW) - NOW).toBe(afterMs);
  });
});

it('a worker without a renewal ends two minutes before the expiry, or with a quarter of the time left', () => {
  expect(leavingTime(NOW + 30 * MINUTE, NOW)).toBe(NOW + 28 * MINUTE);
  expect(leavingTime(NOW + 4 * SECOND, NOW)).toBe(NOW + 3 * SECOND);
  expect(leavingTime(NOW - 1, NOW)).toBe(NOW - 1);
});
