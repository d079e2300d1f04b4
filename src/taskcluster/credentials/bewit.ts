import hawk from 'hawk';
import type { Credentials } from './credentials.ts';
import { extOf } from './hawk-header.ts';

/** A URL to sign. */
export interface UrlToSign {
  readonly url: URL;
  readonly credentials: Credentials;
  /** Restricts the URL to these scopes. The credentials must have them. */
  readonly authorizedScopes?: readonly string[];
  /** How long the URL is valid, in seconds. */
  readonly lifetimeSecs: number;
}

/**
 * Signs a URL. Until the signature expires, anyone who has the URL can GET it without credentials.
 *
 * https://docs.taskcluster.net/docs/manual/design/apis/hawk/bewit
 *
 * @throws Error if the credentials cannot be used
 */
export function bewitUrl({ url, credentials, authorizedScopes, lifetimeSecs }: UrlToSign): URL {
  const { clientId, accessToken, certificate } = credentials;
  const signed = new URL(url);
  signed.hash = '';
  const { protocol, hostname, port, pathname, search } = signed;
  // Hawk parses URLs by other rules and would sign a path that is never requested, so the URL is parsed here.
  const uri = { protocol, hostname, port, pathname: pathname + search };
  const bewit = hawk.uri.getBewit(uri, {
    credentials: { id: clientId, key: accessToken.reveal(), algorithm: 'sha256' },
    ttlSec: lifetimeSecs,
    ext: extOf(certificate?.reveal(), authorizedScopes),
  });
  // searchParams would re-encode the rest of the query after it has been signed.
  signed.search = search === '' ? `?bewit=${bewit}` : `${search}&bewit=${bewit}`;
  return signed;
}
