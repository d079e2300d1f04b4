/**
 * Milliseconds of the machine's monotonic clock. All processes of a machine read the same one (CLOCK_MONOTONIC on Linux,
 * mach_absolute_time on macOS), so that a time taken in one may be subtracted from a time taken in another.
 */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
