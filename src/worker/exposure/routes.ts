import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Handler } from './exposure.ts';

/** Length of a secret in bytes. It cannot be guessed while a task runs. */
const SECRET_BYTES = 24;

/** The handlers, by name and secret. */
export interface Routes {
  /** @returns the path at which the handler is now served, and a function that removes it */
  add(name: string, handler: Handler): { readonly path: string; readonly remove: () => void };
  /** @param url the URL of a request: a path and an optional query */
  find(url: string): Handler | 'no such path' | 'wrong secret';
}

interface Route {
  /** All hashes have the same length, so they can be compared in constant time. */
  readonly secretHash: Buffer;
  readonly handler: Handler;
}

export function newRoutes(): Routes {
  const byName = new Map<string, Set<Route>>();
  return {
    add: (name, handler) => {
      const secret = randomBytes(SECRET_BYTES).toString('base64url');
      const route = { secretHash: hashOf(secret), handler };
      // The name is kept after removal, so that a URL with an old secret is 'wrong secret', not 'no such path'.
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
      // The loop does not stop at a match, so that its duration reveals nothing.
      for (const { secretHash, handler } of routes) if (timingSafeEqual(secretHash, hash)) found = handler;
      return found ?? 'wrong secret';
    },
  };
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
