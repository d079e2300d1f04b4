const MINUTE = 60_000;

/**
 * When credentials are renewed: 30 minutes before they end; where they last less than 35 minutes, after five; and where they last
 * less than five and a half, 30 s before their end. worker-runner has the same times (tools/worker-runner/registration). Half of their time
 * passes in any case, so that credentials of a few seconds do not keep worker-manager busy. Credentials that come after their end, by
 * this machine's clock, are renewed after a minute.
 *
 * @param nowMs when they came
 * @returns ms since the epoch, at least a second after `nowMs`
 */
export function renewalTime(expiresMs: number, nowMs: number): number {
  const leftMs = expiresMs - nowMs;
  if (leftMs >= 35 * MINUTE) return expiresMs - 30 * MINUTE;
  if (leftMs >= 5.5 * MINUTE) return nowMs + 5 * MINUTE;
  if (leftMs <= 0) return nowMs + MINUTE;
  return Math.max(nowMs + Math.max(1_000, leftMs / 2), expiresMs - 30_000);
}

/** How long before the end of credentials that nobody renews the worker leaves, in ms: its last calls need them. */
const LAST_CALLS_MS = 2 * MINUTE;

/** When a worker leaves whose credentials cannot be renewed, in ms since the epoch. */
export function leavingTime(expiresMs: number, nowMs: number): number {
  return expiresMs - Math.min(LAST_CALLS_MS, Math.max(0, expiresMs - nowMs) / 4);
}
