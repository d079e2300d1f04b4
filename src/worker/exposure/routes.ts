import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Handler } from './exposure.ts';

/** In bytes: nobody guesses it while a task runs. */
const SECRET_BYTES = 24;

/** What is served, by name and secret. */
export interface Routes {
  /** @returns the path at which the handler is reached from now on, and what ends that */
  add(name: string, handler: Handler): { readonly path: string; readonly remove: () => void };
  /** @param url of a request: a path, and perhaps a query */
  find(url: string): Handler | 'no such path' | 'wrong secret';
}

interface Route {
  /** Hashes have one length, so that they can be compared in constant time. */
  readonly secretHash: Buffer;
  readonly handler: Handler;
}

export function newRoutes(): Routes {
  const byName = new Map<string, Set<Route>>();
  return {
    add: (name, handler) => {
      const secret = randomBytes(SECRET_BYTES).toString('base64url');
      const route = { secretHash: hashOf(secret), handler };
      // The name stays known: a URL whose secret is no longer served is not unknown.
      const routes = byName.get(name) ?? new Set();
      byName.set(name, routes.add(route));
      return { path: `/${name}/${secret}`, remove: () => void routes.delete(route) };
    },
    find: url => {
      const [, name = '', secret = ''] = /^\/([^/?]*)\/([^/?]*)/.exec(url) ?? [];
      const routes = byName.get(name);
      if (!routes) return 'no such path';
      const hash = hashOf(secret);
      let found: Handler | undefined;
      // To the end also when it was found: the time tells nothing.
      for (const { secretHash, handler } of routes) if (timingSafeEqual(secretHash, hash)) found = handler;
      return found ?? 'wrong secret';
    },
  };
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
