import os from 'node:os';
import { validator, type Validator } from '../../../base/index.ts';
import { Secret } from '../../../base/index.ts';
import {
  ServiceError,
  serviceCalls,
  type Credentials,
  type RegisterWorkerResponse,
  type ReregisterWorkerResponse,
} from '../../../taskcluster/index.ts';
import type { Identity, Proof } from '../identity.ts';
import { leaseProblem, registeredCredentials } from '../state/registration-state.ts';

/** The part of a registration that each renewal replaces. */
export interface Lease {
  /** When the credentials expire, in ms since the epoch. */
  readonly expiresMs: number;
  readonly credentials: Credentials;
  /** The secret for the next renewal. It can be used once. */
  readonly secret: Secret;
}

export interface Registered extends Lease {
  readonly workerConfig: Readonly<Record<string, unknown>>;
}

const v1 = 'taskcluster/worker-manager/v1';
const registered = validator(`${v1}/register-worker-response.json`, { acceptUnknown: true });
const reregistered = validator(`${v1}/reregister-worker-response.json`, { acceptUnknown: true });

/**
 * Registers a worker. This call takes no signal, because a cloud machine that misses the answer has lost its
 * registration.
 *
 * @throws ServiceError
 */
export async function register(identity: Identity, proof: Proof): Promise<Registered> {
  const { rootUrl, ...worker } = identity;
  const answer = await serviceCalls({ rootUrl })(undefined, 'workerManager', 'registerWorker', {
    ...worker,
    workerIdentityProof: proof,
    systemBootTime: new Date(Date.now() - os.uptime() * 1_000).toISOString(),
  });
  return { ...leaseOf(answer, registered, 'registerWorker'), workerConfig: answer.workerConfig };
}

/**
 * Renews a worker's credentials. A secret can be used for one call. If the answer is lost, a repeated call is refused.
 *
 * @throws ServiceError
 */
export async function reregister(
  { rootUrl, workerPoolId, workerGroup, workerId }: Identity,
  { credentials, secret }: Lease,
): Promise<Lease> {
  const body = { workerPoolId, workerGroup, workerId, secret: secret.reveal() };
  const answer = await serviceCalls({ rootUrl })(credentials, 'workerManager', 'reregisterWorker', body);
  return leaseOf(answer, reregistered, 'reregisterWorker');
}

/** The problems name only places in the answer, not the values there, which may be secret. */
function leaseOf(
  answer: RegisterWorkerResponse | ReregisterWorkerResponse,
  problemsOf: Validator,
  call: string,
): Lease {
  const problem = problemsOf(answer)[0] ?? leaseProblem(answer);
  if (problem !== undefined) {
    throw new ServiceError('unavailable', `${call}: invalid answer from worker-manager: ${problem}`);
  }
  const { expires, credentials, secret } = answer;
  return {
    expiresMs: Date.parse(expires),
    credentials: registeredCredentials(credentials),
    secret: new Secret(secret),
  };
}

/** Whether the same call may succeed later: the service is unavailable, or the clocks do not agree yet. */
export function mayWorkLater(error: unknown): error is ServiceError {
  return error instanceof ServiceError && (error.transient || error.isAboutTime);
}
