import { queueApi, type ApiCall, type QueueApi } from '../generated/api.ts';
import { authApi, type AuthApi } from '../generated/auth-api.ts';
import { indexApi, type IndexApi } from '../generated/index-api.ts';
import { objectApi, type ObjectApi } from '../generated/object-api.ts';
import { purgeCacheApi, type PurgeCacheApi } from '../generated/purge-cache-api.ts';
import { secretsApi, type SecretsApi } from '../generated/secrets-api.ts';
import { workerManagerApi, type WorkerManagerApi } from '../generated/worker-manager-api.ts';

/** The services that tcw calls. */
interface Services {
  queue: QueueApi;
  auth: AuthApi;
  index: IndexApi;
  object: ObjectApi;
  purgeCache: PurgeCacheApi;
  secrets: SecretsApi;
  workerManager: WorkerManagerApi;
}

export type ServiceName = keyof Services;
/** The name of a service's call. */
export type CallOf<S extends ServiceName> = keyof Services[S];

interface CallShape {
  args: readonly unknown[];
  query: unknown;
  input: unknown;
  output: unknown;
}

/** The types of one call of one service. */
export type AnyCall<S extends ServiceName, C extends CallOf<S>> = Services[S][C] extends CallShape
  ? Services[S][C]
  : never;

const TABLES: Readonly<Record<ServiceName, Readonly<Record<string, ApiCall>>>> = {
  queue: queueApi,
  auth: authApi,
  index: indexApi,
  object: objectApi,
  purgeCache: purgeCacheApi,
  secrets: secretsApi,
  workerManager: workerManagerApi,
};

export function callOf(service: ServiceName, name: string): ApiCall {
  const call = TABLES[service][name];
  if (!call) throw new TypeError(`${service} has no call ${name}`);
  return call;
}

/** Returns the name of a service in a URL, such as `purge-cache` in `/api/purge-cache/v1/…`. */
export function pathOf(service: ServiceName): string {
  return service.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
}
