import { expect, it } from 'vitest';
import { wantedBytes } from '../../../src/worker/features/live-log/byte-range.ts';

const whole = { start: 0, end: Infinity, isPart: false };
const part = (start: number, end = Infinity) => ({ start, end, isPart: true });

it.each([
  [undefined, whole],
  ['bytes=0-', part(0)],
  ['bytes=40-', part(40)],
  ['bytes=40-49', part(40, 50)],
  // A position that the log will reach later.
  ['bytes=90-999', part(90, 1_000)],
  ['bytes=90-99999999999999999999', part(90)],
  ['bytes=100-', part(100)],
  ['bytes=-10', part(90)],
  ['bytes=-1000', part(0)],
  ['bytes=-99999999999999999999', part(0)],
  ['bytes=101-', undefined],
  ['bytes=99999999999999999999-', undefined],
  ['bytes=-0', undefined],
  // Invalid ranges and multiple ranges are ignored.
  ['bytes=50-40', whole],
  ['bytes=-', whole],
  ['bytes=0-1,5-6', whole],
  ['lines=1-2', whole],
  ['bytes=a-b', whole],
])('of a log with 100 bytes so far, "%s" requests %o', (header, wanted) => {
  expect(wantedBytes(header, 100, false)).toEqual(wanted);
});

it('nothing can be requested after the end of a complete log', () => {
  expect(wantedBytes('bytes=100-', 100, true)).toBeUndefined();
  expect(wantedBytes('bytes=99-', 100, true)).toEqual(part(99));
  expect(wantedBytes('bytes=0-', 0, true)).toBeUndefined();
});
