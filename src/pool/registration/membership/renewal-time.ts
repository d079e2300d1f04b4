const MINUTE = 60_000;

/**
 * Returns when to renew credentials: 30 minutes before they expire. If they last less than 35 minutes, they are renewed
 * after 5 minutes. If they last less than 5.5 minutes, they are renewed 30 s before they expire. worker-runner uses the
 * same times (tools/worker-runner/registration). Credentials that last less than 5.5 minutes are never renewed before
 * half of their time has passed, so that credentials of a few seconds do not keep worker-manager busy. Credentials that
 * have already expired by this machine's clock are renewed after a minute.
 *
 * @param nowMs when the credentials arrived
 * @returns ms since the epoch, at least a second after `nowMs`
 */
export function renewalTime(expiresMs: number, nowMs: number): number {
  const leftMs = expiresMs - nowMs;
  if (leftMs >= 35 * MINUTE) return expiresMs - 30 * MINUTE;
  if (leftMs >= 5.5 * MINUTE) return nowMs + 5 * MINUTE;
  if (leftMs <= 0) return nowMs + MINUTE;
  return Math.max(nowMs + Math.max(1_000, leftMs / 2), expiresMs - 30_000);
}

/**
 * How long before its credentials expire a worker that cannot renew them shuts down, in ms. Its last calls need the
 * credentials.
 */
const LAST_CALLS_MS = 2 * MINUTE;

/** Returns when a worker whose credentials cannot be renewed shuts down, in ms since the epoch. */
export function leavingTime(expiresMs: number, nowMs: number): number {
  return expiresMs - Math.min(LAST_CALLS_MS, Math.max(0, expiresMs - nowMs) / 4);
}
