import { Secret } from '../../../base/index.ts';

/** What Taskcluster's auth service answers `websocktunnelToken` with. */
export interface IssuedToken {
  readonly token: string;
  /** ISO 8601. */
  readonly expires: string;
}

/** A token is asked for again when this part of its life is left, in ms, or half of a short life. */
const RENEW_BEFORE_MS = 15 * 60_000;

/**
 * The token with which a worker connects to its tunnel. The tunnel checks it at each connection, and not afterwards.
 *
 * @param ask asks the auth service for a token
 * @param keep told of each token, so that logs can hide it
 */
export function tunnelToken(ask: () => Promise<IssuedToken>, keep: (token: Secret) => void) {
  let current: { readonly token: Secret; readonly renewAt: number } | undefined;
  return {
    /** A token that is good for now. @throws whatever `ask` throws */
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
    /** The tunnel has refused it: the next connection needs another one. */
    forget(): void {
      current = undefined;
    },
  };
}
