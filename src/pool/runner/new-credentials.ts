import { Secret } from '../../base/index.ts';
import type { Credentials } from '../../taskcluster/index.ts';
import type { Message } from './message.ts';
import { isJsonObjectText } from '../json-object-text.ts';

/**
 * Reads the credentials in a `new-credentials` message. worker-runner sends an empty certificate with permanent
 * credentials. The protocol also allows it to omit the certificate.
 *
 * @returns the credentials; or the problem, without the secrets, if the message cannot be used
 */
export function newCredentials(message: Message): Credentials | string {
  const { 'client-id': clientId, 'access-token': accessToken, certificate = '' } = message;
  if (typeof clientId !== 'string' || clientId === '') return 'it has no client-id';
  if (typeof accessToken !== 'string' || accessToken === '') return 'it has no access-token';
  if (typeof certificate !== 'string') return 'its certificate is not a string';
  if (certificate === '') return { clientId, accessToken: new Secret(accessToken) };
  if (!isJsonObjectText(certificate)) return 'its certificate is not a JSON object';
  return { clientId, accessToken: new Secret(accessToken), certificate: new Secret(certificate) };
}

/** Returns when temporary credentials expire, in ms since the epoch. Undefined for permanent ones. */
export function expiryOf({ certificate }: Credentials): number | undefined {
  if (!certificate) return undefined;
  try {
    const { expiry } = JSON.parse(certificate.reveal()) as { expiry?: unknown };
    return typeof expiry === 'number' ? expiry : undefined;
  } catch {
    return undefined;
  }
}
