/** What a request asks of the proxy, according to its path. */
export type Route =
  /** A call of a service. Path and query are sent and signed byte for byte. */
  | { readonly kind: 'call'; readonly path: string }
  /** Signs a URL. */
  | { readonly kind: 'bewit' }
  /** A check whether the proxy is there. */
  | { readonly kind: 'health' }
  | { readonly kind: 'unknown' };

const UNKNOWN: Route = { kind: 'unknown' };

/** The end of a path. */
const END = /^(?:\?|$)/;
/** `/api/queue/v1/…`: the path of the deployment itself. */
const API_PATH = /^\/api\/[\w-]+\/v\d+\//;
/** `/queue/v1/…`: the paths of services before deployments had one root URL. */
const SERVICE_PATH = /^\/[\w-]+\/v\d+\//;
/** `/queue.taskcluster.net/v1/…`: the older form, when each service had its own host. */
const HOST_PATH = /^\/([\w-]+)\.taskcluster\.net(?=\/v\d+\/)/;

/**
 * Parses the target of a request: a path with an optional query. Nothing is decoded, normalised or joined,
 * because the name of an artifact may contain `%2F`, `//` or `..`, and the signature covers exactly what is
 * sent.
 */
export function routeOf(target: string): Route {
  if (API_PATH.test(target)) return { kind: 'call', path: target };
  if (target.startsWith('/bewit') && END.test(target.slice('/bewit'.length))) return { kind: 'bewit' };
  if (target.startsWith('/health') && END.test(target.slice('/health'.length))) return { kind: 'health' };
  if (SERVICE_PATH.test(target)) return { kind: 'call', path: `/api${target}` };
  const ofHost = HOST_PATH.exec(target);
  if (ofHost) return { kind: 'call', path: `/api/${ofHost[1] ?? ''}${target.slice(ofHost[0].length)}` };
  return UNKNOWN;
}
