/** A typed client of the queue, for every call that a worker makes. */
export { queueCalls, type Call } from './calls.ts';
export type { Claim, Lease } from './claim.ts';
export type { Credentials } from './credentials.ts';
export { QueueError } from './errors.ts';
export * from './generated/api.ts';
export { authApi, type AuthApi } from './generated/auth-api.ts';
export { indexApi, type IndexApi } from './generated/index-api.ts';
export { objectApi, type ObjectApi } from './generated/object-api.ts';
export { purgeCacheApi, type PurgeCacheApi } from './generated/purge-cache-api.ts';
export { secretsApi, type SecretsApi } from './generated/secrets-api.ts';
export { workerManagerApi, type WorkerManagerApi } from './generated/worker-manager-api.ts';
export { CALL_POLICIES, type CallPolicy, type QueueCall } from './policies.ts';
export { connectQueue, type Queue, type RunCalls } from './queue.ts';
