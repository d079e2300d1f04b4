import type { Readable } from 'node:stream';
import { urlDecoded } from '../../../base/index.ts';
import { viaProxies } from '../../../taskcluster/index.ts';

/** A download that no further attempt would save. The message is for the task's log. */
export class NotDownloadable extends Error {
  override readonly name = 'NotDownloadable';
}

/** The answer to a GET, after redirects. */
export interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Read or destroy it. */
  readonly body: Readable;
  /** The host that answered. Nothing else of its URL may be shown, because a signed URL grants access. */
  readonly host: string;
}

const MAX_REDIRECTS = 10;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/**
 * Opens a URL for reading, and follows redirects to HTTP and HTTPS only. Sends no credentials except those in
 * the URL.
 *
 * @throws NotDownloadable for an invalid URL or redirect, otherwise an error of the network
 */
export async function httpGet(
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  // Loaded with the first download, because it costs 5 MB and 45 ms of the start.
  const { request } = await import('undici');
  const via = await viaProxies();
  let target = webUrl(url);
  for (let redirects = 0; ; redirects++) {
    const all = { ...headers, ...authorization(target) };
    const address = new URL(target);
    address.username = address.password = '';
    const {
      statusCode,
      headers: answered,
      body,
    } = await request(address, {
      method: 'GET',
      headers: all,
      signal,
      ...via,
    });
    // A destroyed body reports an error. Its reader hears of every other error.
    body.on('error', () => undefined);
    const { location } = answered;
    if (!REDIRECTS.includes(statusCode) || location === undefined) {
      return { statusCode, headers: answered, body, host: target.host };
    }
    // The text is useless. If it is long, the connection is given up instead.
    await body.dump({ limit: 64 * 1024 }).catch(() => undefined);
    signal.throwIfAborted();
    if (redirects === MAX_REDIRECTS) {
      throw new NotDownloadable(`${target.host} redirected more than ${MAX_REDIRECTS} times`);
    }
    target = redirected(target, String(location));
  }
}

/** The URL itself may contain a name and a password. */
function authorization({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '' && password === '') return {};
  const words = `${urlDecoded(username)}:${urlDecoded(password)}`;
  return { authorization: `Basic ${Buffer.from(words).toString('base64')}` };
}

function webUrl(text: string): URL {
  const url = URL.parse(text);
  if (url && isWeb(url)) return url;
  const scheme = url ? `the scheme ${url.protocol.slice(0, -1)}` : 'no valid URL';
  throw new NotDownloadable(`only http and https URLs can be downloaded, and this has ${scheme}`);
}

function redirected(from: URL, location: string): URL {
  const url = URL.parse(location, from);
  if (!url) throw new NotDownloadable(`${from.host} redirected to something that is not a URL`);
  if (isWeb(url)) return url;
  throw new NotDownloadable(
    `${from.host} redirected to a URL with the scheme ${url.protocol.slice(0, -1)}; only http and https are followed`,
  );
}

function isWeb({ protocol }: URL): boolean {
  return protocol === 'http:' || protocol === 'https:';
}
