/** What a request asks of the proxy, as far as its path says. */
export type Route =
  /** A call of a service. `path` and query are sent, and signed, byte for byte. */
  | { readonly kind: 'call'; readonly path: string }
  /** Signs a URL. */
  | { readonly kind: 'bewit' }
  /** Asks whether the proxy is there. */
  | { readonly kind: 'health' }
  | { readonly kind: 'unknown' };

const UNKNOWN: Route = { kind: 'unknown' };

/** Ends a path. */
const END = /^(?:\?|$)/;
/** `/api/queue/v1/…`: the path of the deployment itself. */
const API_PATH = /^\/api\/[\w-]+\/v\d+\//;
/** `/queue/v1/…`: how services were called before a deployment had one root URL. */
const SERVICE_PATH = /^\/[\w-]+\/v\d+\//;
/** `/queue.taskcluster.net/v1/…`: older still, when each service had a host of its own. */
const HOST_PATH = /^\/([\w-]+)\.taskcluster\.net(?=\/v\d+\/)/;

/**
 * Reads the target of a request: a path, with a query or without. Nothing in it is decoded, normalized or joined: an
 * artifact's name may hold `%2F`, `//` or `..`, and a signature covers what is sent.
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
