import { createVerify } from 'node:crypto';
import type { RegisterWorkerRequest } from '../../taskcluster/index.ts';
import { equal } from '../auth/equal.ts';
import { ApiError } from '../errors.ts';

type Proof = RegisterWorkerRequest['workerIdentityProof'];

/** A cloud whose machines register with proofs signed by the cloud, and the key that verifies them (PEM). */
export interface LocalCloud {
  readonly type: 'aws' | 'google';
  readonly publicKey: string;
}

/** What the cloud knew about a machine when it was created. The machine's proof must contain each item. */
export type Instance = Readonly<Record<string, string>>;

/** @throws ApiError `InputError` for a static worker with another secret */
export function checkStaticSecret(proof: Proof, secret: string): void {
  if ('staticSecret' in proof && equal(secret, proof.staticSecret)) return;
  throw new ApiError('InputError', 'bad worker static secret');
}

/** @throws ApiError `InputError` */
export function checkCloudProof(cloud: LocalCloud, proof: Proof, instance: Instance, rootUrl: string): void {
  const isProved =
    cloud.type === 'aws'
      ? isAwsProof(cloud, proof, instance)
      : isGoogleProof(cloud, proof, instance, rootUrl);
  if (!isProved) {
    throw new ApiError(
      'InputError',
      cloud.type === 'aws' ? 'Instance validation error' : 'Token validation error',
    );
  }
}

/** AWS signs the exact bytes of a document about an instance. */
function isAwsProof({ publicKey }: LocalCloud, proof: Proof, instance: Instance): boolean {
  if (!('signature' in proof)) return false;
  const { document, signature } = proof;
  if (!createVerify('RSA-SHA256').update(document).verify(publicKey, signature, 'base64')) return false;
  let parsed: unknown;
  try {
    parsed = JSON.parse(document);
  } catch {
    return false;
  }
  return typeof parsed === 'object' && parsed !== null && holds(parsed as Record<string, unknown>, instance);
}

interface GoogleClaims {
  readonly aud?: unknown;
  readonly iss?: unknown;
  readonly sub?: unknown;
  /** In seconds since the epoch. */
  readonly iat?: unknown;
  readonly exp?: unknown;
  readonly google?: { readonly compute_engine?: Record<string, unknown> };
}

/** Google writes its issuer in both ways. */
const GOOGLE_ISSUERS: readonly unknown[] = ['https://accounts.google.com', 'accounts.google.com'];
/** Tokens are valid for an hour. Google's own library refuses those that claim more than a day. */
const LONGEST_TOKEN_SECS = 86_400;
/** By how much the clock of the machine may differ, in seconds. */
const CLOCK_SKEW_SECS = 300;

/**
 * Google gives an instance a JSON Web Token for the audience that it names. Checked as the real worker-manager does, with Google's
 * library: three parts, RS256, the signature, the issuer, the audience, both times, then the instance. A `sub` of the instance is that of
 * its service account.
 */
function isGoogleProof(
  { publicKey }: LocalCloud,
  proof: Proof,
  { sub: serviceAccount, ...instance }: Instance,
  rootUrl: string,
): boolean {
  if (!('token' in proof)) return false;
  const parts = proof.token.split('.');
  const [head = '', claims = '', signature = ''] = parts;
  if (parts.length !== 3 || jsonPart<{ alg?: unknown }>(head)?.alg !== 'RS256') return false;
  if (!createVerify('RSA-SHA256').update(`${head}.${claims}`).verify(publicKey, signature, 'base64url'))
    return false;
  const { aud, iss, sub, iat, exp, google } = jsonPart<GoogleClaims>(claims) ?? {};
  if (typeof iat !== 'number' || typeof exp !== 'number') return false;
  const now = Date.now() / 1_000;
  const isCurrent =
    iat - CLOCK_SKEW_SECS <= now && now <= exp + CLOCK_SKEW_SECS && exp - now < LONGEST_TOKEN_SECS;
  const isOfAccount = serviceAccount === undefined || sub === serviceAccount;
  const isForUs = GOOGLE_ISSUERS.includes(iss) && aud === rootUrl && isOfAccount;
  return isForUs && isCurrent && holds(google?.compute_engine ?? {}, instance);
}

/** A part of a JSON Web Token; undefined where it is not a JSON object. */
function jsonPart<T>(text: string): T | undefined {
  try {
    const value = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown;
    return typeof value === 'object' && value !== null ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}

function holds(document: Readonly<Record<string, unknown>>, instance: Instance): boolean {
  return Object.entries(instance).every(([name, value]) => document[name] === value);
}
