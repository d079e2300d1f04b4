import { createHmac } from 'node:crypto';

import { isScope, satisfies } from '../../base/index.ts';
import { equal } from './equal.ts';

/**
 * The certificate of temporary credentials: a statement, signed with the access token of the issuing client.
 *
 * https://docs.taskcluster.net/docs/manual/design/apis/hawk/temporary-credentials
 */
export interface Certificate {
  readonly version: 1;
  readonly scopes: readonly string[];
  /** Milliseconds since the epoch. */
  readonly start: number;
  /** Milliseconds since the epoch. */
  readonly expiry: number;
  /** 44 characters, from which the access token is derived. */
  readonly seed: string;
  readonly signature: string;
  /** The client that issued credentials with their own name. Unnamed credentials use the issuer's name. */
  readonly issuer?: string;
}

const SEED_LENGTH = 44;
const MINUTE = 60_000;
/** Because clocks differ, a certificate is valid a little before its start and after its expiry. */
const SKEW = 5 * MINUTE;
const LONGEST_LIFE = 31 * 24 * 60 * MINUTE;

/** Signs a certificate for a client with the name `clientId`. */
export function signature(
  certificate: Omit<Certificate, 'signature'>,
  clientId: string,
  issuerToken: string,
): string {
  const { version, seed, start, expiry, scopes, issuer } = certificate;
  const lines = [
    `version:${version}`,
    ...(issuer === undefined ? [] : [`clientId:${clientId}`, `issuer:${issuer}`]),
    `seed:${seed}`,
    `start:${start}`,
    `expiry:${expiry}`,
    'scopes:',
    ...scopes,
  ];
  return createHmac('sha256', issuerToken).update(lines.join('\n')).digest('base64');
}

/** Returns the access token for a seed. */
export function temporaryToken(seed: string, issuerToken: string): string {
  return createHmac('sha256', issuerToken).update(seed).digest('base64url');
}

/**
 * Validates a certificate.
 *
 * @throws Error that names the problem
 */
export function checkCertificate(
  given: unknown,
  clientId: string,
  issuer: { readonly clientId: string; readonly accessToken: string; readonly scopes: readonly string[] },
  now: number,
): Certificate {
  const certificate = parse(given);
  const { start, expiry, scopes, seed } = certificate;
  if (start > now + SKEW) refuse('does not count yet');
  if (expiry < now - SKEW) refuse('has expired');
  if (expiry - start > LONGEST_LIFE) refuse('lasts longer than 31 days');
  if (issuer.clientId !== clientId && !satisfies(issuer.scopes, `auth:create-client:${clientId}`)) {
    refuse(`has an issuer, ${issuer.clientId}, without the scope auth:create-client:${clientId}`);
  }
  if (!satisfies(issuer.scopes, { AllOf: scopes })) {
    refuse(`has scopes that its issuer, ${issuer.clientId}, has not`);
  }
  if (seed.length !== SEED_LENGTH) refuse(`has a seed that is not of ${SEED_LENGTH} characters`);
  if (!equal(certificate.signature, signature(certificate, clientId, issuer.accessToken))) {
    refuse('has a wrong signature');
  }
  return certificate;
}

function parse(given: unknown): Certificate {
  const certificate = (typeof given === 'object' && given !== null ? given : {}) as Partial<
    Record<keyof Certificate, unknown>
  >;
  const { version, scopes, start, expiry, seed, signature, issuer } = certificate;
  if (version !== 1) return refuse('is not of version 1');
  if (!Array.isArray(scopes) || !scopes.every(isScope)) return refuse('has no list of valid scopes');
  if (typeof start !== 'number' || typeof expiry !== 'number') return refuse('has no start or no expiry');
  if (typeof seed !== 'string' || typeof signature !== 'string') return refuse('has no seed or no signature');
  return {
    version,
    scopes,
    start,
    expiry,
    seed,
    signature,
    ...(typeof issuer === 'string' && { issuer }),
  };
}

function refuse(why: string): never {
  throw new Error(`ext.certificate ${why}`);
}
