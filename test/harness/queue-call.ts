import { queueApi } from '../../src/queue/index.ts';

/** A call of the queue by its name, `upload` to the store of its artifacts, or anything else. */
export type CallName = keyof typeof queueApi | 'upload' | 'other';

const BASE = '/api/queue/v1';
const WITH_SLASHES = new Set(['name', 'taskQueueId', 'workerPoolId']);

const routes = Object.entries(queueApi).map(([name, { method, route }]) => {
  const pattern = route.replaceAll(/<(\w+)>/g, (_, part: string) =>
    WITH_SLASHES.has(part) ? '.+' : '[^/]+',
  );
  return { name: name as CallName, method: method.toUpperCase(), path: new RegExp(`^${BASE}${pattern}$`) };
});

/** Which call a request is, by the queue's own routes. */
export function callOf(method: string, url: string): CallName {
  const [path = ''] = url.split('?', 1);
  if (method === 'PUT' && path.includes('-bucket/')) return 'upload';
  return routes.find(route => route.method === method && route.path.test(path))?.name ?? 'other';
}
