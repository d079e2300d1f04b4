/** The bytes of a log that a reader wants. */
export interface WantedBytes {
  readonly start: number;
  /** The position after the last byte. Infinity: up to the end of the log. */
  readonly end: number;
  /** Whether the reader asked for a range. */
  readonly isPart: boolean;
}

/** A number with more digits is beyond the end of every log. */
const MAX_DIGITS = 16;

/**
 * Parses a `Range` header for a growing file (RFC 9110, RFC 8673). A range may end beyond the current end, because the
 * file may grow that far. As the RFC says, anything except a single valid range of bytes is ignored.
 *
 * @param size the current number of bytes
 * @param isComplete whether the file will not grow any more
 * @returns undefined if the range cannot be satisfied
 */
export function wantedBytes(
  header: string | undefined,
  size: number,
  isComplete: boolean,
): WantedBytes | undefined {
  const [, first = '', last = ''] = /^bytes=\s*(\d*)-(\d*)\s*$/.exec(header ?? '') ?? [];
  const whole = { start: 0, end: Infinity, isPart: false };
  if (first === '' && last === '') return whole;
  if (first === '') {
    const length = numberOf(last);
    return length === 0 ? undefined : { start: Math.max(0, size - length), end: Infinity, isPart: true };
  }
  const start = numberOf(first);
  const end = last === '' ? Infinity : numberOf(last) + 1;
  if (last !== '' && end <= start) return whole;
  // A reader that has read everything so far waits for more.
  if (start > size || (isComplete && start === size)) return undefined;
  return { start, end, isPart: true };
}

function numberOf(digits: string): number {
  return digits.length > MAX_DIGITS ? Infinity : Number(digits);
}
