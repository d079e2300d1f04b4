import { createHmac } from 'node:crypto';
import type { Secret } from '../../base/index.ts';

/** The tunnel accepts tokens whose clock was slightly ahead. */
const EARLIER_SECS = 15 * 60;
const LIFE_SECS = 96 * 60 * 60;

/** The user of a tunnel, as in the call `websocktunnelToken`. */
interface TunnelUser {
  readonly wstAudience: string;
  readonly wstClient: string;
}

/**
 * Signs a token for a websocktunnel server: a JSON Web Token (RFC 7519) with the same claims as those of the
 * real auth service (services/auth/src/websocktunnel.js).
 *
 * @param nowMs ms since the epoch
 */
export function websocktunnelToken(
  secret: Secret,
  { wstAudience, wstClient }: TunnelUser,
  nowMs: number,
): { readonly token: string; readonly expires: string } {
  const now = Math.floor(nowMs / 1_000);
  const claims = {
    tid: wstClient,
    sub: wstClient,
    aud: wstAudience,
    iat: now,
    nbf: now - EARLIER_SECS,
    exp: now + LIFE_SECS,
    iss: 'taskcluster-auth',
  };
  const signed = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded(claims)}`;
  const signature = createHmac('sha256', secret.reveal()).update(signed).digest('base64url');
  return { token: `${signed}.${signature}`, expires: new Date(claims.exp * 1_000).toJSON() };
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
