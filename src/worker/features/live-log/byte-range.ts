/** Which bytes of a log a reader wants. */
export interface WantedBytes {
  readonly start: number;
  /** Behind the last byte; Infinity for all that there will be. */
  readonly end: number;
  /** Whether the reader asked for a part. */
  readonly isPart: boolean;
}

/** A number with more digits is behind the end of every log. */
const MOST_DIGITS = 16;

/**
 * Reads the header `Range` for a file that grows (RFC 9110, RFC 8673). A range may end behind the present end, where the file will have
 * grown by then. As the RFC says, what is no range of bytes, and more than one range, is passed over.
 *
 * @param size how many bytes there are now
 * @param isComplete whether there will be no more
 * @returns undefined where no byte of the range will ever be there
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
  // Who has read all so far waits for more.
  if (start > size || (isComplete && start === size)) return undefined;
  return { start, end, isPart: true };
}

function numberOf(digits: string): number {
  return digits.length > MOST_DIGITS ? Infinity : Number(digits);
}
