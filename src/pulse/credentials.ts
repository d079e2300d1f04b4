import { PulseError } from './errors.ts';
import { Secret } from './secret.ts';
import { checkEscaped, decoded, plain } from './url-parts.ts';

/** Mozilla's own Pulse. */
export const PRODUCTION_URL = 'amqps://pulse.mozilla.org:5671';

/** Where the broker is, and who logs in there. */
export interface Endpoint {
  readonly tls: boolean;
  readonly hostname: string;
  readonly port: number;
  /** RabbitMQ's virtual host, decoded: `/` for most of Pulse. */
  readonly vhost: string;
  readonly user: string;
  readonly password: Secret;
}

/** Who logs in. */
export interface Credentials {
  readonly user: string;
  readonly password: string | Secret;
}

/** Where the broker and the login are looked for; see {@link endpointFrom}. */
export interface CredentialSources {
  /** `amqp://` or `amqps://`, with or without user and password. */
  readonly url?: string | Secret | undefined;
  readonly user?: string | undefined;
  readonly password?: string | Secret | undefined;
  /** Where `PULSE_USERNAME` and `PULSE_PASSWORD` are looked up; the process's environment by default. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * Asks for credentials, for at most as long as a connect may take.
 *
 * @throws PulseError `connection`, so that it is asked again later; its message is the function's own
 */
export async function askedCredentials(
  ask: (signal: AbortSignal) => Credentials | Promise<Credentials>,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<{ user: string; password: Secret }> {
  const both = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const { promise: given, reject } = Promise.withResolvers<never>();
  const giveUp = () => {
    reject(new Error(`no answer in ${timeoutMs} ms`));
  };
  both.addEventListener('abort', giveUp);
  try {
    const { user, password } = await Promise.race([ask(both), given]);
    return { user, password: password instanceof Secret ? password : new Secret(password) };
  } catch (error) {
    throw new PulseError('connection', `the credentials could not be had: ${(error as Error).message}`);
  } finally {
    both.removeEventListener('abort', giveUp);
  }
}

/**
 * Finds the broker and the login as pulse-go does: user and password each from the argument, else from the URL,
 * else from `PULSE_USERNAME` or `PULSE_PASSWORD`, else `guest`; the URL from the argument, else production.
 *
 * @throws PulseError `invalid` for a URL that is none of AMQP; the message never holds the URL's password
 */
export function endpointFrom(sources: CredentialSources): Endpoint {
  const env = sources.env ?? process.env;
  const url = parseUrl(plain(sources.url) ?? PRODUCTION_URL);
  const tls = url.protocol === 'amqps:';
  return {
    tls,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (tls ? 5671 : 5672) : Number(url.port),
    vhost: vhostOf(url),
    user:
      sources.user ??
      (decoded(url.username, "the Pulse URL's user") || undefined) ??
      env.PULSE_USERNAME ??
      'guest',
    password: new Secret(
      plain(sources.password) ??
        (decoded(url.password, "the Pulse URL's password") || undefined) ??
        env.PULSE_PASSWORD ??
        'guest',
    ),
  };
}

function parseUrl(text: string): URL {
  if (!URL.canParse(text)) {
    throw new PulseError(
      'invalid',
      'the Pulse URL is not a URL; it should look like amqps://user:password@host:5671',
    );
  }
  const url = new URL(text);
  if (url.protocol !== 'amqp:' && url.protocol !== 'amqps:') {
    throw new PulseError(
      'invalid',
      `the Pulse URL begins with ${url.protocol}; it has to be amqp: or amqps:`,
    );
  }
  if (url.hostname === '') {
    throw new PulseError(
      'invalid',
      'the Pulse URL names no host; it should look like amqps://user:password@host:5671',
    );
  }
  checkEscaped(url, 'the Pulse URL', 'a user, a password or a vhost');
  return url;
}

/** No path and `/` both mean the default vhost; any other is one encoded segment, as in `/communitytc`. */
function vhostOf(url: URL): string {
  return url.pathname.length <= 1 ? '/' : decoded(url.pathname.slice(1), "the Pulse URL's vhost");
}
