import type { Agent, Dispatcher, Pool } from 'undici';
import { proxyConnector } from './connect-through.ts';
import { namesProxy, proxyFor } from './proxy-for.ts';

let shared: Promise<Dispatcher> | undefined;

/**
 * Returns options for a request of undici that make it use the proxies that the environment names. Without any, they
 * are empty, so that undici uses its own dispatcher.
 */
export async function viaProxies(): Promise<{ readonly dispatcher?: Dispatcher }> {
  if (!namesProxy()) return {};
  return { dispatcher: await (shared ??= proxiedAgent({})) };
}

/** Creates an undici agent that uses the proxies that the environment names. */
export async function proxiedAgent(options: Agent.Options): Promise<Dispatcher> {
  const { Agent: PlainAgent, Pool: DirectPool, ProxyAgent } = await import('undici');
  return new PlainAgent({
    ...options,
    factory: (origin, poolOptions: Pool.Options) => {
      const url = new URL(origin);
      const proxy = proxyFor(url);
      if (!proxy) return new DirectPool(origin, poolOptions);
      if (url.protocol === 'https:' || proxy.origin.startsWith('https:'))
        return new DirectPool(origin, { ...poolOptions, connect: proxyConnector(url) });
      // The proxy forwards these requests: many proxies allow CONNECT only to port 443.
      const token = proxy.authorization?.reveal();
      return new ProxyAgent({
        ...poolOptions,
        uri: proxy.origin,
        ...(token !== undefined && { token }),
        factory: (uri, options) => new DirectPool(uri, { ...poolOptions, ...options }),
      });
    },
  });
}
