import { randomBytes } from 'node:crypto';

import { equal } from '../auth/equal.ts';
import { issue, type LocalClient, type TemporaryCredentials } from '../auth/temporary-credentials.ts';
import { ApiError } from '../errors.ts';
import { isoTime } from '../times.ts';
import type { StaticWorker, WorkerName, WorkerPools } from './worker-pools.ts';

/** A worker's credentials last this long. */
const LIFE = 96 * 3_600_000;

interface Registration {
  readonly expires: string;
  readonly credentials: TemporaryCredentials;
  readonly secret: string;
}

/**
 * Gives a static worker its credentials, once it has proved who it is by the secret that it was set up with.
 *
 * @throws ApiError `InputError` when it has not, or may not work
 */
export function register(
  pools: WorkerPools,
  name: WorkerName,
  staticSecret: unknown,
  issuer: LocalClient,
  now: number,
): Registration {
  const worker = pools.findWorker(name);
  if (!worker || typeof staticSecret !== 'string' || !equal(worker.staticSecret, staticSecret))
    throw notProved();
  return admit(pools, worker, issuer, now);
}

/**
 * Gives a registered worker new credentials, by the secret of its last registration, which is void then.
 *
 * @throws ApiError `InputError`
 */
export function reregister(
  pools: WorkerPools,
  name: WorkerName,
  secret: string,
  issuer: LocalClient,
  now: number,
): Registration {
  const worker = pools.findWorker(name);
  if (worker?.secret === undefined || !equal(worker.secret, secret)) throw notProved();
  return admit(pools, worker, issuer, now);
}

function admit(pools: WorkerPools, worker: StaticWorker, issuer: LocalClient, now: number): Registration {
  if (worker.state !== 'running') throw new ApiError('InputError', 'The worker is not running any more');
  const secret = randomBytes(33).toString('base64url');
  pools.saveWorker({ ...worker, secret, lastModified: now });
  const expiry = now + LIFE;
  const { workerPoolId, workerGroup, workerId, providerId } = worker;
  const clientId = `worker/${providerId}/${workerPoolId}/${workerGroup}/${workerId}`;
  return {
    expires: isoTime(expiry),
    credentials: issue(issuer, { clientId, scopes: scopesOf(worker), start: now, expiry }),
    secret,
  };
}

/** What the real service lets a worker do. */
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

function notProved(): ApiError {
  return new ApiError('InputError', 'The worker could not be recognized: unknown, or with a wrong secret');
}
