import taskcluster from 'taskcluster-client';

import {
  authApi,
  indexApi,
  objectApi,
  purgeCacheApi,
  queueApi,
  secretsApi,
  workerManagerApi,
  type ApiCall,
  type AuthApi,
  type IndexApi,
  type ObjectApi,
  type PurgeCacheApi,
  type QueueApi,
  type SecretsApi,
  type WorkerManagerApi,
} from '../../src/taskcluster/index.ts';
import { validator } from '../../src/base/index.ts';

/** What the references say of the calls of each service. */
export interface Apis {
  auth: AuthApi;
  index: IndexApi;
  object: ObjectApi;
  'purge-cache': PurgeCacheApi;
  queue: QueueApi;
  secrets: SecretsApi;
  'worker-manager': WorkerManagerApi;
}

export const APIS: { readonly [S in keyof Apis]: Readonly<Record<string, ApiCall>> } = {
  auth: authApi,
  index: indexApi,
  object: objectApi,
  'purge-cache': purgeCacheApi,
  queue: { ...queueApi },
  secrets: secretsApi,
  'worker-manager': workerManagerApi,
};

type Client = typeof taskcluster.Queue;

const { createClient } = taskcluster as unknown as { createClient: (reference: object) => Client };

/** A client for a service as the references have it: taskcluster-client's own lack calls that are newer than it. */
function clientFor(service: keyof Apis): Client {
  const entries = Object.entries(APIS[service]).map(([name, call]) => ({ type: 'function', name, ...call }));
  return createClient({ serviceName: service, apiVersion: 'v1', entries });
}

/**
 * The calls of a client. Each request that is accepted, and each answer, is checked against the schema that the API's
 * references give for it.
 */
export type ClientOf<S extends keyof Apis> = {
  readonly [N in keyof Apis[S]]: (
    ...args: unknown[]
  ) => Promise<Apis[S][N] extends { output: infer Output } ? Output : never>;
};

export type TestClient = ClientOf<'queue'>;

export interface Credentials {
  readonly clientId: string;
  readonly accessToken: string;
  readonly certificate?: string;
}

/** Connects to a service. Each call that was answered is noted in `answered`: `queue.createTask`. */
export function checkedClient<S extends keyof Apis>(
  service: S,
  rootUrl: string,
  given: Partial<Credentials>,
  answered: Set<string>,
  options: object = {},
): ClientOf<S> {
  const credentials = given as Credentials;
  const client = new (clientFor(service))({ rootUrl, credentials, retries: 0, ...options });
  const calls = Object.keys(APIS[service]);
  return Object.fromEntries(
    calls.map(name => [name, checkedCall(client, service, name, answered)]),
  ) as unknown as ClientOf<S>;
}

type AnyCall = (...args: unknown[]) => Promise<unknown>;

function checkedCall(
  client: Record<string, AnyCall>,
  service: keyof Apis,
  name: string,
  answered: Set<string>,
): AnyCall {
  const call = APIS[service][name];
  if (!call) throw new Error(`${service} has no ${name}`);
  const { args: parameters, input, output } = call;
  const checkInput = input === undefined ? () => [] : validator(input);
  const checkOutput = output === undefined ? isEmpty : validator(output);
  return async (...args) => {
    const answer = await client[name]?.(...args);
    const accepted = checkInput(args[parameters.length]);
    if (accepted.length > 0) throw new Error(`${name} took what is wrong: ${accepted.join(', ')}`);
    // The references describe no answer for these.
    const problems = name === 'ping' ? [] : checkOutput(answer);
    if (problems.length > 0) throw new Error(`${name} answered wrongly: ${problems.join(', ')}`);
    answered.add(`${service}.${name}`);
    return answer;
  };
}

/** The check of an answer that says no more than that it is one: `{}`, or nothing with 204. */
function isEmpty(answer: unknown): string[] {
  return Object.keys(answer ?? {}).length === 0 ? [] : ['there is something in the answer'];
}
