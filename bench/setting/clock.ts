/**
 * Returns the machine's monotonic clock in ms. All processes of a machine read the same clock (CLOCK_MONOTONIC on
 * Linux, mach_absolute_time on macOS), so times from different processes may be subtracted.
 */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
