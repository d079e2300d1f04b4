import { Secret } from '../../base/index.ts';
import { brokerUrl } from './broker-url.ts';
import { PulseError } from '../errors.ts';
import { errorText } from '../error-text.ts';
import { given, withoutNul } from './url-parts.ts';

/** Mozilla's own Pulse. Nothing connects to it unless this URL, or the word `production` in its place, is given. */
export const PRODUCTION_URL = 'amqps://pulse.mozilla.org:5671';
/** The word for {@link PRODUCTION_URL} wherever a URL is given. */
const PRODUCTION = 'production';

/** Where the broker is, and who logs in there. */
export interface Endpoint {
  readonly tls: boolean;
  readonly hostname: string;
  readonly port: number;
  /** RabbitMQ's virtual host, decoded: `/` for most of Pulse. */
  readonly vhost: string;
  /** Seconds between heartbeats, where the URL says so. */
  readonly heartbeatSecs?: number | undefined;
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
  /**
   * `amqp://` or `amqps://`, with or without user and password, and optionally `?ssl=1` and `?heartbeat=30`; or the word
   * `production` for Mozilla's own Pulse.
   */
  readonly url?: string | Secret | undefined;
  readonly user?: string | undefined;
  readonly password?: string | Secret | undefined;
  /** Where `PULSE_URL`, `PULSE_USERNAME` and `PULSE_PASSWORD` are looked up; the process's environment by default. */
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
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const giveUp = () => {
    reject(new Error(`no answer in ${timeoutMs} ms`));
  };
  both.addEventListener('abort', giveUp);
  try {
    const { user, password } = await Promise.race([ask(both), givenUp]);
    return {
      user: withoutNul(present(given(user), 'user'), 'the user'),
      password: new Secret(withoutNul(present(given(password), 'password'), 'the password')),
    };
  } catch (error) {
    throw new PulseError('connection', `the credentials could not be had: ${errorText(error)}`);
  } finally {
    both.removeEventListener('abort', giveUp);
  }
}

/**
 * Finds the broker and the login. The URL comes from the argument, else from `PULSE_URL`. User and password each come from
 * the argument, else from the URL, else from `PULSE_USERNAME` or `PULSE_PASSWORD`, else they are `guest`. An empty argument,
 * variable or part of the URL counts as missing.
 *
 * Of the URL's query, `ssl=1` means TLS and `heartbeat` is a number of seconds; anything else there is refused.
 *
 * @throws PulseError `invalid` without a URL, and for one that is not an AMQP URL; the message never holds the password
 */
export function endpointFrom(sources: CredentialSources): Endpoint {
  const env = sources.env ?? process.env;
  const url = brokerUrl(urlFrom(given(sources.url) ?? given(env.PULSE_URL)));
  const user = given(sources.user) ?? url.user ?? given(env.PULSE_USERNAME) ?? 'guest';
  const password = given(sources.password) ?? url.password ?? given(env.PULSE_PASSWORD) ?? 'guest';
  return {
    tls: url.tls,
    hostname: url.hostname,
    port: url.port,
    vhost: url.vhost,
    heartbeatSecs: url.heartbeatSecs,
    user: withoutNul(user, 'the user'),
    password: new Secret(withoutNul(password, 'the password')),
  };
}

/** @throws PulseError `invalid` without a URL: a variable that is empty by mistake must not lead to production */
function urlFrom(text: string | undefined): string {
  if (text === undefined) {
    throw new PulseError(
      'invalid',
      `there is no Pulse URL; give one, or set PULSE_URL (${PRODUCTION} is Mozilla's own Pulse)`,
    );
  }
  return text.trim() === PRODUCTION ? PRODUCTION_URL : text;
}

/** The function says who logs in: nobody else is asked for what it leaves out. */
function present(text: string | undefined, what: string): string {
  if (text !== undefined) return text;
  throw new Error(`the function gave no ${what}`);
}
