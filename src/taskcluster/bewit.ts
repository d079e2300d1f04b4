import hawk from 'hawk';
import type { Credentials } from './credentials.ts';
import { extOf } from './hawk-header.ts';

/** A URL that is to be signed. */
export interface UrlToSign {
  readonly url: URL;
  readonly credentials: Credentials;
  /** Narrows the URL to these scopes, which the credentials must have. */
  readonly authorizedScopes?: readonly string[];
  /** In seconds. */
  readonly lifetimeSecs: number;
}

/**
 * Signs a URL, so that whoever has it can GET it for a while, without credentials.
 *
 * https://docs.taskcluster.net/docs/manual/design/apis/hawk/bewit
 *
 * @throws Error for credentials that cannot be used
 */
export function bewitUrl({ url, credentials, authorizedScopes, lifetimeSecs }: UrlToSign): URL {
  const { clientId, accessToken, certificate } = credentials;
  const signed = new URL(url);
  signed.hash = '';
  const { protocol, hostname, port, pathname, search } = signed;
  // Taken apart here, since Hawk would read the URL by other rules, and sign a path that nobody asks for.
  const uri = { protocol, hostname, port, pathname: pathname + search };
  const bewit = hawk.uri.getBewit(uri, {
    credentials: { id: clientId, key: accessToken.reveal(), algorithm: 'sha256' },
    ttlSec: lifetimeSecs,
    ext: extOf(certificate?.reveal(), authorizedScopes),
  });
  // Not through searchParams, which would spell the rest of the query anew after it was signed.
  signed.search = search === '' ? `?bewit=${bewit}` : `${search}&bewit=${bewit}`;
  return signed;
}
