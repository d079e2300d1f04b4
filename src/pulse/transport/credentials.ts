import { Secret } from '../../base/index.ts';
import { brokerUrl } from './broker-url.ts';
import { PulseError } from '../errors.ts';
import { errorText } from '../error-text.ts';
import { checkOptions, type OptionKinds } from '../options.ts';
import { given, withoutNul } from './url-parts.ts';

/** The URL of Mozilla's own Pulse. The library connects to it only if you pass this URL or the word `production`. */
export const PRODUCTION_URL = 'amqps://pulse.mozilla.org:5671';
/** The word that stands for {@link PRODUCTION_URL} in place of a URL. */
const PRODUCTION = 'production';

/** The broker's address and the login. */
export interface Endpoint {
  readonly tls: boolean;
  readonly hostname: string;
  readonly port: number;
  /** RabbitMQ's virtual host, decoded. `/` for most of Pulse. */
  readonly vhost: string;
  /** Seconds between heartbeats, if the URL sets them. */
  readonly heartbeatSecs?: number | undefined;
  readonly user: string;
  readonly password: Secret;
}

/** The login: user and password. */
export interface Credentials {
  readonly user: string;
  readonly password: string | Secret;
}

/** The sources of the broker's address and the login; see {@link endpointFrom}. */
export interface CredentialSources {
  /**
   * An `amqp://` or `amqps://` URL, with or without user and password, optionally with `?ssl=1` and `?heartbeat=30`.
   * Or the word `production` for Mozilla's own Pulse.
   */
  readonly url?: string | Secret | undefined;
  readonly user?: string | undefined;
  readonly password?: string | Secret | undefined;
  /** The source of `PULSE_URL`, `PULSE_USERNAME` and `PULSE_PASSWORD`. Default: the process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

export const CREDENTIAL_SOURCES: OptionKinds<CredentialSources> = {
  url: ['text', 'secret'],
  user: 'text',
  password: ['text', 'secret'],
  env: 'object',
};

/**
 * Calls the `credentials` function, with the time limit of a connection attempt.
 *
 * @throws PulseError `connection`, so that the function is called again later; its message includes the function's
 *   own error
 */
export async function askedCredentials(
  ask: (signal: AbortSignal) => Credentials | Promise<Credentials>,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<{ user: string; password: Secret }> {
  const both = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const giveUp = () => {
    reject(new Error(`no answer within ${timeoutMs} ms`));
  };
  both.addEventListener('abort', giveUp);
  try {
    const answer: Partial<Credentials> | undefined = await Promise.race([ask(both), givenUp]);
    const { user, password } = answer ?? {};
    return {
      user: withoutNul(present(given(user), 'user'), 'the user'),
      password: new Secret(withoutNul(present(given(password), 'password'), 'the password')),
    };
  } catch (error) {
    throw new PulseError('connection', `the option credentials gave no login: ${errorText(error)}`);
  } finally {
    both.removeEventListener('abort', giveUp);
  }
}

/**
 * Determines the broker's address and the login. An empty argument, variable or part of the URL counts as missing.
 *
 * - The URL comes from the argument or, if that is missing, from `PULSE_URL`.
 * - User and password each come from the first of these that is present: the argument, the URL, `PULSE_USERNAME` or
 *   `PULSE_PASSWORD`, the default `guest`.
 * - In the URL's query, `ssl=1` means TLS, and `heartbeat` is a number of seconds. Anything else is refused.
 *
 * @throws PulseError `invalid` if there is no URL, or if it is not an AMQP URL; the message never contains the password
 */
export function endpointFrom(sources: CredentialSources = {}): Endpoint {
  checkOptions('endpointFrom', sources, CREDENTIAL_SOURCES);
  return endpointOf(sources);
}

/** Like {@link endpointFrom}, for options that are already checked and may include others. */
export function endpointOf(sources: CredentialSources): Endpoint {
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

/** @throws PulseError `invalid` without a URL, because an accidentally empty variable must not lead to production */
function urlFrom(text: string | undefined): string {
  if (text === undefined) {
    throw new PulseError(
      'invalid',
      `there is no Pulse URL; give one, or set PULSE_URL (${PRODUCTION} is Mozilla's own Pulse)`,
    );
  }
  return text.trim() === PRODUCTION ? PRODUCTION_URL : text;
}

/** Requires a value from the `credentials` function. There is no fallback for what it leaves out. */
function present(text: string | undefined, what: string): string {
  if (text !== undefined) return text;
  throw new Error(`the function returned no ${what}`);
}
