import { setTimeout as sleep } from 'node:timers/promises';
import type { BehaviorSubject } from 'rxjs';
import { fullJitter, type Backoff } from '../../../base/index.ts';
import { ServiceError } from '../../../taskcluster/index.ts';
import type { Provider } from '../identity.ts';
import { BACKOFF } from './join-pool.ts';
import type { Note } from '../../note.ts';
import type { RegistrationState } from '../state/registration-state.ts';
import type { NextState, RegistrationStore } from '../state/registration-store.ts';
import { leavingTime, renewalTime } from './renewal-time.ts';
import { waitUntil } from './wall-clock.ts';
import { mayWorkLater, register, reregister, type Lease } from './worker-manager.ts';

export interface Renewing {
  readonly provider: Provider;
  readonly store: RegistrationStore;
  readonly note: Note;
  /** The wait between two attempts. The default is 5 s to 5 minutes. */
  readonly backoff?: Backoff;
  readonly random?: () => number;
}

/** Renewals happen up to this much earlier at random, in ms, so that a fleet does not renew all at once. */
const SPREAD_MS = 120_000;

/**
 * Keeps renewing a registration, each time before its credentials expire. The new one is written to disk before
 * `state$` emits it.
 *
 * @returns when the worker must leave, because its credentials are about to expire and cannot be renewed
 * @throws the signal's reason
 */
export async function keepRegistered(
  state$: BehaviorSubject<RegistrationState>,
  renewing: Renewing,
  signal: AbortSignal,
): Promise<void> {
  const { note, random = Math.random } = renewing;
  for (;;) {
    const nowMs = Date.now();
    const { expiresMs } = state$.value;
    const earlierMs = random() * Math.min(SPREAD_MS, Math.max(0, expiresMs - nowMs) / 20);
    await waitUntil(renewalTime(expiresMs, nowMs) - earlierMs, signal);
    const lease = await renewed(state$.value, renewing, signal);
    if (!lease) return;
    state$.next({ ...state$.value, ...lease });
    note('info', 'credentials renewed', { expires: new Date(lease.expiresMs).toISOString() });
  }
}

/** Renews once, with as many attempts as it takes. Returns undefined when it is time to shut down. */
async function renewed(
  state: RegistrationState,
  { provider, store, note, backoff = BACKOFF }: Renewing,
  signal: AbortSignal,
): Promise<Lease | undefined> {
  const leaveAtMs = leavingTime(state.expiresMs, Date.now());
  let isAnew = false;
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(state, { provider, store, note, isAnew }, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Error)) throw error;
      if (mayWorkLater(error) || !(error instanceof ServiceError)) {
        // A static worker needs no credentials to register, so it may retry forever.
        if (provider.isDynamic && Date.now() >= leaveAtMs) return undefined;
        const jitterMs = fullJitter(attempt, backoff);
        const waitMs = provider.isDynamic
          ? Math.min(jitterMs, Math.max(0, leaveAtMs - Date.now()))
          : jitterMs;
        note('warn', 'credentials not renewed yet; trying again soon', { err: error, waitMs });
        await sleep(waitMs, undefined, { signal }).catch(() => undefined);
        signal.throwIfAborted();
      } else if (!provider.isDynamic && !isAnew) {
        // The answer to an earlier call was lost, and with it the secret for this call.
        isAnew = true;
      } else {
        note(
          'error',
          'worker-manager refuses to renew the credentials: the worker shuts down before they expire',
          {
            err: error,
            leaves: new Date(leaveAtMs).toISOString(),
          },
        );
        await waitUntil(leaveAtMs, signal);
        return undefined;
      }
    }
  }
}

interface Once extends Pick<Renewing, 'provider' | 'store' | 'note'> {
  /** Whether to register again, because the secret for a renewal is lost. */
  readonly isAnew: boolean;
}

async function once(
  state: RegistrationState,
  { provider, store, note, isAnew }: Once,
  signal: AbortSignal,
): Promise<Lease> {
  const { identity } = state;
  const proof = isAnew ? await provider.prove(identity, signal) : undefined;
  // Running with credentials that a restart will not find is better than not renewing them.
  await using next: NextState | undefined = await store.next().catch((err: unknown) => {
    note(
      'error',
      `registrationFile ${store.file} cannot be written: a restart will not find the new credentials`,
      { err },
    );
    return undefined;
  });
  const { expiresMs, credentials, secret } = proof
    ? await register(identity, proof)
    : await reregister(identity, state);
  const lease = { expiresMs, credentials, secret };
  await next?.keep({ ...state, ...lease });
  return lease;
}
