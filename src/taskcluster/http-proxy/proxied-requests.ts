import type { Agent, Dispatcher, Pool } from 'undici';
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
      const proxy = proxyFor(new URL(origin));
      if (!proxy) return new DirectPool(origin, poolOptions);
      const token = proxy.authorization?.reveal();
      return new ProxyAgent({ ...poolOptions, uri: proxy.origin, ...(token !== undefined && { token }) });
    },
  });
}
