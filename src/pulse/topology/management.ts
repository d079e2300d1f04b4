import { LONGEST_TIMER_MS, Secret } from '../../base/index.ts';
import type { BindingKey } from './binding.ts';
import { PulseError, type PulseErrorKind } from '../errors.ts';
import { checkOptions, type OptionKinds } from '../options.ts';
import { checkEscaped, decoded, given, parsed, withoutNul } from '../transport/url-parts.ts';

/** The management API of a broker. Pulse's own is not public, but that of your own RabbitMQ may be available. */
export interface ManagementApi {
  /**
   * The URL of the API, such as `https://rabbitmq.example.com:15671`. It may contain user and password, but no query.
   */
  readonly url: string | Secret;
  /** Default: the user in the URL. */
  readonly user?: string | undefined;
  /** Default: the password in the URL. */
  readonly password?: string | Secret | undefined;
  /** Default: `/`. */
  readonly vhost?: string | undefined;
  /** Time limit for the whole answer, in ms. Default: 10,000. */
  readonly timeoutMs?: number | undefined;
}

const OPTIONS: OptionKinds<ManagementApi> = {
  url: ['text', 'secret'],
  user: 'text',
  password: ['text', 'secret'],
  vhost: 'text',
  timeoutMs: 'number',
};
const TIMEOUT_MS = 10_000;
const WHOLE = 'the URL of the management API';
const EXAMPLE = 'http://127.0.0.1:15672';

/** HTTP statuses that mean a refusal. Any other status means that the API has a problem. */
const REFUSALS: Readonly<Record<number, [kind: PulseErrorKind, what: string]>> = {
  401: ['credentials', 'refused the user or the password'],
  403: ['forbidden', 'does not let this user read the bindings'],
  404: ['not-found', 'has no such queue'],
};

/**
 * Returns a function that looks up a queue's current bindings through the broker's management API. Use it for
 * `previousBindings`, because AMQP itself cannot list bindings.
 *
 * The returned function rejects with a PulseError: `credentials`, `forbidden`, `not-found`, or `connection` if the
 * API cannot be reached or gives an unusable answer.
 *
 * @throws PulseError `invalid` for a bad option, for a URL that is not an HTTP URL, and if the user is missing; the message never
 *   contains the URL's password
 */
export function managementBindings(api: ManagementApi) {
  checkOptions('managementBindings', api, OPTIONS);
  const { url, user, password, vhost, timeoutMs = TIMEOUT_MS } = api;
  if (!(timeoutMs > 0 && timeoutMs <= LONGEST_TIMER_MS)) {
    throw new PulseError(
      'invalid',
      `managementBindings: the option timeoutMs is ${timeoutMs}; it must be above 0 and at most ${LONGEST_TIMER_MS}`,
    );
  }
  const { base, login } = endpointOf(url);
  const asUser = withoutNul(given(user) ?? login.user, 'the user');
  const secret = new Secret(withoutNul(given(password) ?? login.password.reveal(), 'the password'));
  if (asUser === '') throw new PulseError('invalid', 'the management API needs a user and a password');
  const authorization = () => `Basic ${Buffer.from(`${asUser}:${secret.reveal()}`).toString('base64')}`;

  return async (queue: string): Promise<readonly BindingKey[]> => {
    const path = `api/queues/${encodeURIComponent(given(vhost) ?? '/')}/${encodeURIComponent(queue)}/bindings`;
    const where = `the management API at ${base.host}`;
    const unusable = (what: string, cause?: unknown) =>
      new PulseError('connection', `${where} ${what}`, { cause });

    let response;
    try {
      response = await fetch(new URL(path, base), {
        headers: { authorization: authorization() },
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch (error) {
      throw unusable(`cannot be reached: ${reasonOf(error)}`, error);
    }
    if (!response.ok) {
      const [kind, what] = REFUSALS[response.status] ?? ['connection', 'failed'];
      throw new PulseError(kind, `${where} ${what}: it answered ${response.status} for ${queue}`);
    }
    try {
      const bindings = (await response.json()) as { source: unknown; routing_key: unknown }[];
      return bindings.map(({ source, routing_key }) => {
        if (typeof source === 'string' && typeof routing_key === 'string') {
          return { exchange: source, pattern: routing_key };
        }
        throw new TypeError('a binding has no source or no routing_key');
      });
    } catch (error) {
      throw unusable(`did not return a list of bindings: ${reasonOf(error)}`, error);
    }
  };
}

/**
 * Separates a URL from the login in it. `fetch` refuses a URL that contains a login, and shows the URL in its error.
 *
 * @throws PulseError `invalid`
 */
function endpointOf(text: string | Secret): { base: URL; login: { user: string; password: Secret } } {
  const url = parsed(given(text) ?? '', WHOLE, EXAMPLE);
  if (!/^https?:$/.test(url.protocol)) {
    throw new PulseError('invalid', `${WHOLE} has to begin with http: or https:, as ${EXAMPLE}`);
  }
  checkEscaped(url, WHOLE, 'a user or a password');
  if (url.search !== '' || url.hash !== '') {
    throw new PulseError(
      'invalid',
      `${WHOLE} has a query or a fragment, which would be ignored; leave it out`,
    );
  }
  const login = { user: decoded(url.username, WHOLE), password: new Secret(decoded(url.password, WHOLE)) };
  url.username = url.password = '';
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return { base: url, login };
}

/** Returns the reason of an error. `fetch` gives the reason in `cause`. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message !== '' ? cause.message : message;
}
