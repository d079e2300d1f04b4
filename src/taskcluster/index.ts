/** A typed client for the calls that a worker makes to Taskcluster's services. */
export { bewitUrl } from './credentials/bewit.ts';
export { queueCalls, serviceCalls, type Call, type CallArguments, type CallOfQueue } from './calls/calls.ts';
export type { Claim, Lease } from './queue/claim.ts';
export { taskCredentials, type Credentials } from './credentials/credentials.ts';
export { ServiceError } from '../base/index.ts';
export * from './generated/api.ts';
export { authApi, type AuthApi } from './generated/auth-api.ts';
export { indexApi, type IndexApi } from './generated/index-api.ts';
export { objectApi, type CreateUploadRequest, type ObjectApi } from './generated/object-api.ts';
export { purgeCacheApi, type PurgeCacheApi } from './generated/purge-cache-api.ts';
export { secretsApi, type SecretsApi } from './generated/secrets-api.ts';
export {
  workerManagerApi,
  type RegisterWorkerRequest,
  type RegisterWorkerResponse,
  type ReregisterWorkerResponse,
  type WorkerManagerApi,
} from './generated/worker-manager-api.ts';
export {
  proxiedAgent,
  proxyConnector,
  proxyPasswords,
  proxyProblems,
  viaProxies,
  websocketOptions,
} from './http-proxy/index.ts';
export { hawkHeader } from './credentials/hawk-header.ts';
export { CALL_POLICIES, type CallPolicy, type QueueCall } from './calls/policies.ts';
export { keepAlive, SHELL_PING_MS } from './shell/shell-keep-alive.ts';
export * from './shell/shell-protocol.ts';
export { connectQueue, type Queue, type RunCalls, type ServiceCall } from './queue/queue.ts';
