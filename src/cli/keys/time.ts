import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DATE_AND_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;

/**
 * Reads a point in time: ISO 8601 with a zone, or a duration from now, such as `30m`, `12h` or `5d`.
 *
 * @returns ms since the epoch
 * @throws Failure for anything else
 */
export function readTime(option: string, text: string, nowMs: number): number {
  const [, amount = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const time = amount === '' ? dateAndTime(text) : nowMs + Number(amount) * (UNIT_MS[unit] ?? NaN);
  if (Number.isFinite(time)) return time;
  throw new Failure(
    EXIT_CODES.cannotLoadConfig.code,
    `${option} must be a time like 2030-01-31T12:00:00Z, or a duration from now like 30m, 12h or 5d`,
  );
}

function dateAndTime(text: string): number {
  return DATE_AND_TIME.test(text) ? Date.parse(text) : NaN;
}
