import { queueApi, workerManagerApi } from '../../src/taskcluster/index.ts';

/** The name of a call to the queue or worker-manager, `upload` for an upload to the artifact store, or `other`. */
export type CallName = keyof typeof queueApi | keyof typeof workerManagerApi | 'upload' | 'other';

const APIS = Object.entries({ queue: queueApi, 'worker-manager': workerManagerApi });
const WITH_SLASHES = new Set(['name', 'taskQueueId', 'workerPoolId']);

const calls = APIS.flatMap(([service, api]) =>
  Object.entries(api).map(([name, { method, route }]) => ({ service, name, method, route })),
);
const routes = calls.map(({ service, name, method, route }) => {
  const pattern = route.replaceAll(/<(\w+)>/g, (_, part: string) =>
    WITH_SLASHES.has(part) ? '.+' : '[^/]+',
  );
  return {
    name: name as CallName,
    method: method.toUpperCase(),
    path: new RegExp(`^/api/${service}/v1${pattern}$`),
  };
});

/** Identifies the call of a request by the services' own routes. */
export function callOf(method: string, url: string): CallName {
  const [path = ''] = url.split('?', 1);
  if (method === 'PUT' && path.includes('-bucket/')) return 'upload';
  return routes.find(route => route.method === method && route.path.test(path))?.name ?? 'other';
}
