import { Secret } from '../../../base/index.ts';

/** The answer of Taskcluster's auth service to `websocktunnelToken`. */
export interface IssuedToken {
  readonly token: string;
  /** An ISO 8601 time. */
  readonly expires: string;
}

/** A token is replaced when this much of its lifetime is left, in ms, or half of a short lifetime. */
const RENEW_BEFORE_MS = 15 * 60_000;

/**
 * Provides the token with which a worker connects to its tunnel. The tunnel checks it only when a connection is opened.
 *
 * @param ask requests a token from the auth service
 * @param keep called with each token, so that logs can hide it
 */
export function tunnelToken(ask: () => Promise<IssuedToken>, keep: (token: Secret) => void) {
  let current: { readonly token: Secret; readonly renewAt: number } | undefined;
  return {
    /** Returns a valid token. @throws whatever `ask` throws */
    async get(): Promise<Secret> {
      if (current === undefined || Date.now() >= current.renewAt) {
        const { token: text, expires } = await ask();
        const lifeMs = Math.max(0, Date.parse(expires) - Date.now());
        const token = new Secret(text);
        keep(token);
        current = { token, renewAt: Date.now() + lifeMs - Math.min(RENEW_BEFORE_MS, lifeMs / 2) };
      }
      return current.token;
    },
    /** Call this when the tunnel has refused the token. The next connection then uses a new one. */
    forget(): void {
      current = undefined;
    },
  };
}
