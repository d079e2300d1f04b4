import hawk from 'hawk';
import type { Credentials } from './credentials.ts';

/** A request to sign. */
export interface SignedRequest {
  readonly method: string;
  /** Scheme, host and port. */
  readonly origin: URL;
  /** The path and query exactly as they are sent, since the signature covers each byte. */
  readonly path: string;
  readonly credentials: Credentials;
  /** Restricts the request to these scopes. The credentials must have them. */
  readonly authorizedScopes?: readonly string[];
}

/**
 * Returns the `Authorization` header of a request to a Taskcluster service.
 *
 * https://docs.taskcluster.net/docs/manual/design/apis/hawk
 *
 * @throws Error if the credentials cannot be used
 */
export function hawkHeader({ method, origin, path, credentials, authorizedScopes }: SignedRequest): string {
  const { hostname, port, protocol } = origin;
  const { clientId, accessToken, certificate } = credentials;
  const key = { id: clientId, key: accessToken.reveal(), algorithm: 'sha256' as const };
  const ext = authorizedScopes ? extOf(certificate?.reveal(), authorizedScopes) : usualExt(credentials);
  return hawk.client.header({ hostname, port, protocol, pathname: path }, method, { credentials: key, ext })
    .header;
}

/**
 * A cache: a run may make thousands of calls with the same credentials, and its certificate may list hundreds of
 * scopes.
 */
const usualExts = new WeakMap<Credentials, string>();

function usualExt(credentials: Credentials): string | undefined {
  const known = usualExts.get(credentials);
  if (known !== undefined) return known;
  const ext = extOf(credentials.certificate?.reveal(), undefined);
  if (ext !== undefined) usualExts.set(credentials, ext);
  return ext;
}

/** https://docs.taskcluster.net/docs/manual/design/apis/hawk/temporary-credentials, and …/authorized-scopes */
export function extOf(
  certificate: string | undefined,
  authorizedScopes: readonly string[] | undefined,
): string | undefined {
  if (certificate === undefined && authorizedScopes === undefined) return undefined;
  let parsed: unknown;
  try {
    parsed = certificate === undefined ? undefined : JSON.parse(certificate);
  } catch {
    throw new Error('the certificate of the credentials is not JSON');
  }
  return Buffer.from(JSON.stringify({ certificate: parsed, authorizedScopes })).toString('base64');
}
