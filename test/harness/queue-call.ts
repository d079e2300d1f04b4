import { queueApi, workerManagerApi } from '../../src/taskcluster/index.ts';

/** A call of the queue or of worker-manager by its name, `upload` to the store of the queue's artifacts, or anything else. */
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

/** Which call a request is, by the services' own routes. */
export function callOf(method: string, url: string): CallName {
  const [path = ''] = url.split('?', 1);
  if (method === 'PUT' && path.includes('-bucket/')) return 'upload';
  return routes.find(route => route.method === method && route.path.test(path))?.name ?? 'other';
}
