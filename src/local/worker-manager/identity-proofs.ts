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
  return holds(JSON.parse(document) as Record<string, unknown>, instance);
}

interface GoogleClaims {
  readonly aud?: unknown;
  readonly exp?: unknown;
  readonly google?: { readonly compute_engine?: Record<string, unknown> };
}

/** Google gives an instance a JSON Web Token for any audience that it names. */
function isGoogleProof(
  { publicKey }: LocalCloud,
  proof: Proof,
  instance: Instance,
  rootUrl: string,
): boolean {
  if (!('token' in proof)) return false;
  const [head = '', claims = '', signature = ''] = proof.token.split('.');
  if (!createVerify('RSA-SHA256').update(`${head}.${claims}`).verify(publicKey, signature, 'base64url'))
    return false;
  const { aud, exp, google } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as GoogleClaims;
  const isCurrent = typeof exp === 'number' && exp * 1_000 > Date.now();
  return aud === rootUrl && isCurrent && holds(google?.compute_engine ?? {}, instance);
}

function holds(told: Readonly<Record<string, unknown>>, instance: Instance): boolean {
  return Object.entries(instance).every(([name, value]) => told[name] === value);
}
