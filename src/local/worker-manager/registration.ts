import { randomBytes } from 'node:crypto';

import type { RegisterWorkerRequest } from '../../taskcluster/index.ts';
import { equal } from '../auth/equal.ts';
import { issue, type LocalClient, type TemporaryCredentials } from '../auth/temporary-credentials.ts';
import { ApiError } from '../errors.ts';
import { isoTime } from '../times.ts';
import { checkCloudProof, checkStaticSecret, type LocalCloud } from './identity-proofs.ts';
import type { ManagedWorker, WorkerName, WorkerPool, WorkerPools } from './worker-pools.ts';

/** The default lifetime of a worker's credentials. */
const LIFE_MS = 96 * 3_600_000;
/** The real service issues credentials that started a while ago, for clocks that are slow. */
const EARLIER_MS = 15 * 60_000;

interface Registration {
  readonly expires: string;
  readonly credentials: TemporaryCredentials;
  readonly secret: string;
}

interface Registrar {
  readonly pools: WorkerPools;
  /** The client that issues the workers' credentials. */
  readonly issuer: LocalClient;
  readonly rootUrl: string;
  readonly now: number;
}

/**
 * Issues credentials to a worker that has proved its identity. A static worker may do that any number of times,
 * a machine of a cloud once.
 *
 * @throws ApiError `ResourceNotFound`, or `InputError` when the proof is wrong or the worker may not work
 */
export function register(
  registrar: Registrar,
  { workerPoolId, workerGroup, workerId, providerId, workerIdentityProof: proof }: RegisterWorkerRequest,
  cloud: LocalCloud | undefined,
): Registration & { readonly workerConfig: Record<string, unknown> } {
  const { pools, now, rootUrl } = registrar;
  const pool = pools.pool(workerPoolId);
  if (pool.providerId !== providerId) {
    throw new ApiError(
      'InputError',
      `Worker pool ${workerPoolId} not associated with provider ${providerId}`,
    );
  }
  const worker = pools.worker({ workerPoolId, workerGroup, workerId });
  if (worker.expires < now) {
    throw new ApiError(
      'InputError',
      `Worker ${workerGroup}/${workerId} in worker pool ${workerPoolId} has expired`,
    );
  }
  if (!cloud) {
    checkStaticSecret(proof, worker.staticSecret ?? '');
    if (worker.state !== 'running') throw new ApiError('InputError', 'worker is not running');
    return { ...admit(registrar, worker, lifeOf(pool)), workerConfig: workerConfigOf(pool) };
  }
  checkCloudProof(cloud, proof, worker.instance ?? {}, rootUrl);
  if (worker.state !== 'requested') {
    const refusal = 'This worker is either stopped or running. No need to register';
    throw new ApiError('InputError', cloud.type === 'aws' ? refusal : 'Token validation error');
  }
  const { lifeMs = LIFE_MS, workerConfig = {} } = worker;
  return { ...admit(registrar, { ...worker, state: 'running' }, lifeMs), workerConfig: { ...workerConfig } };
}

/**
 * Issues new credentials to a registered worker, by the secret of its last registration, which then becomes
 * invalid.
 *
 * @throws ApiError `InputError`
 */
export function reregister(registrar: Registrar, name: WorkerName, secret: string): Registration {
  const { pools, now } = registrar;
  const worker = pools.findWorker(name);
  const isKnown = worker?.secret !== undefined && equal(worker.secret, secret);
  if (!isKnown || worker.state !== 'running' || worker.expires < now) {
    throw new ApiError('InputError', 'Could not generate credentials for this secret');
  }
  return admit(registrar, worker, worker.lifeMs ?? LIFE_MS);
}

function admit({ pools, issuer, now }: Registrar, worker: ManagedWorker, lifeMs: number): Registration {
  const secret = randomBytes(33).toString('base64url');
  pools.saveWorker({ ...worker, secret, lastModified: now });
  const expiry = now + lifeMs;
  const { workerPoolId, workerGroup, workerId, providerId } = worker;
  const clientId = `worker/${providerId}/${workerPoolId}/${workerGroup}/${workerId}`;
  return {
    expires: isoTime(expiry),
    credentials: issue(issuer, { clientId, scopes: scopesOf(worker), start: now - EARLIER_MS, expiry }),
    secret,
  };
}

/** Returns the lifetime of the credentials of a pool's workers, in ms. */
export function lifeOf({ config }: Pick<WorkerPool, 'config'>): number {
  const { lifecycle } = config as { lifecycle?: { reregistrationTimeout?: number } };
  const seconds = lifecycle?.reregistrationTimeout;
  return seconds === undefined ? LIFE_MS : seconds * 1_000;
}

export function workerConfigOf({ config }: Pick<WorkerPool, 'config'>): Record<string, unknown> {
  return { ...(config as { workerConfig?: Record<string, unknown> }).workerConfig };
}

/** Returns the scopes that the real service gives a worker. */
function scopesOf({ workerPoolId, workerGroup, workerId }: WorkerName): string[] {
  const worker = `${workerPoolId}/${workerGroup}/${workerId}`;
  return [
    `assume:worker-type:${workerPoolId}`,
    `assume:worker-pool:${workerPoolId}`,
    `assume:worker-id:${workerGroup}/${workerId}`,
    `queue:claim-work:${workerPoolId}`,
    `queue:worker-id:${workerGroup}/${workerId}`,
    `secrets:get:worker-type:${workerPoolId}`,
    `secrets:get:worker-pool:${workerPoolId}`,
    `worker-manager:remove-worker:${worker}`,
    `worker-manager:reregister-worker:${worker}`,
    `worker-manager:should-worker-terminate:${worker}`,
  ];
}
