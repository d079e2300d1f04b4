import { setTimeout as sleep } from 'node:timers/promises';
import { fullJitter, type Backoff } from '../../../base/index.ts';
import { ServiceError } from '../../../taskcluster/index.ts';
import type { Identified, Identity, Provider } from '../identity.ts';
import type { Note } from '../../note.ts';
import { RegistrationError } from '../registration-error.ts';
import type { RegistrationStore } from '../state/registration-store.ts';
import type { RegistrationState } from '../state/registration-state.ts';
import { mayWorkLater, register } from './worker-manager.ts';

export interface Joining {
  readonly provider: Provider;
  readonly store: RegistrationStore;
  readonly note: Note;
  /** The wait between two attempts to register. The default is 5 s to 5 minutes. */
  readonly backoff?: Backoff;
}

export const BACKOFF: Backoff = { baseMs: 5_000, capMs: 300_000 };
/** How long a worker that has a registration waits for its cloud to identify it, in ms. */
const SAME_MACHINE_MS = 10_000;

/**
 * Registers the worker, or resumes the registration of an earlier start. The returned registration is already on disk.
 *
 * A cloud machine can register only once. A static worker registers at each start, so that it gets the pool's current
 * configuration. If worker-manager is unavailable, a static worker uses an earlier registration.
 *
 * @throws RegistrationError, or the signal's reason
 */
export async function joinPool(joining: Joining, signal: AbortSignal): Promise<RegistrationState> {
  const { provider, store, note } = joining;
  const known = await store.read();
  const kept = known?.provider === provider.name ? known : undefined;
  const identified = await identify(provider, kept, signal);
  const isSame = kept !== undefined && isSameWorker(kept.identity, identified.identity);
  if (known && !isSame) store.ignored(`belongs to another worker, ${nameOf(known)}`);
  if (!isSame) return registered(joining, identified, undefined, signal);
  if (!provider.isDynamic) return registered(joining, identified, kept, signal);
  if (kept.expiresMs > Date.now()) return resumed(kept, note);
  throw new RegistrationError(
    'machine',
    `the credentials of ${kept.credentials.clientId} ended at ${timeOf(kept)} by the clock of this machine, and a cloud machine cannot register again`,
  );
}

async function identify(
  provider: Provider,
  kept: RegistrationState | undefined,
  signal: AbortSignal,
): Promise<Identified> {
  if (!kept || !provider.isDynamic) return provider.identify(signal);
  // The file may belong to another machine, if an image was made from a registered machine. If the cloud does not
  // answer, the file is trusted.
  const soon = AbortSignal.any([signal, AbortSignal.timeout(SAME_MACHINE_MS)]);
  return provider.identify(soon).catch(() => {
    signal.throwIfAborted();
    return kept;
  });
}

function isSameWorker(a: Identity, b: Identity): boolean {
  return nameOf({ identity: a }) === nameOf({ identity: b }) && a.rootUrl === b.rootUrl;
}

function nameOf({ identity }: Pick<RegistrationState, 'identity'>): string {
  const { workerPoolId, workerGroup, workerId } = identity;
  return `${workerPoolId}/${workerGroup}/${workerId}`;
}

function fieldsOf(state: RegistrationState) {
  return { clientId: state.credentials.clientId, expires: timeOf(state) };
}

function timeOf({ expiresMs }: RegistrationState): string {
  return new Date(expiresMs).toISOString();
}

function resumed(state: RegistrationState, note: Note): RegistrationState {
  note('info', 'continuing with the registration of an earlier start', fieldsOf(state));
  return state;
}

/** @param kept an earlier registration, used if worker-manager does not answer */
async function registered(
  { provider, store, note, backoff = BACKOFF }: Joining,
  identified: Identified,
  kept: RegistrationState | undefined,
  signal: AbortSignal,
): Promise<RegistrationState> {
  for (let attempt = 1; ; attempt++) {
    const proof = await provider.prove(identified.identity, signal);
    await using next = await store.next().catch((error: unknown) => {
      throw notWritable(store.file, error);
    });
    try {
      const registration = await register(identified.identity, proof);
      const state = { ...identified, ...registration, provider: provider.name, filesWritten: false };
      await next.keep(state);
      note('info', 'registered with worker-manager', fieldsOf(state));
      if (state.expiresMs <= Date.now()) {
        note(
          'warn',
          'the new credentials have already expired by the clock of this machine; is the clock right?',
          fieldsOf(state),
        );
      }
      return state;
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      if (!mayWorkLater(error)) throw refused(provider, identified.identity, error);
      if (kept && kept.expiresMs > Date.now()) return resumed(kept, note);
      const waitMs = fullJitter(attempt, backoff);
      note('warn', 'worker-manager does not answer; registering again soon', { err: error, waitMs });
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      signal.throwIfAborted();
    }
  }
}

/** A cloud machine can register only once, so the start fails before registration if the file cannot be written. */
function notWritable(file: string, error: unknown): RegistrationError {
  const message = `registrationFile ${file} cannot be written: ${(error as Error).message}`;
  return new RegistrationError('configuration', message, { cause: error });
}

function refused({ isDynamic }: Provider, identity: Identity, error: ServiceError): RegistrationError {
  const advice = isDynamic
    ? 'a cloud machine can register only once: if it has registered and its registrationFile is lost, it cannot work any more'
    : 'create the worker with createWorker, and configure its staticSecret, workerGroup and workerId here';
  const message = `worker-manager does not register ${nameOf({ identity })} of provider ${identity.providerId}: ${error.message}; ${advice}`;
  return new RegistrationError('machine', message, { cause: error });
}
