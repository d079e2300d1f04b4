import { Secret } from '../../base/index.ts';
import type { BindingKey } from './binding.ts';
import { PulseError, type PulseErrorKind } from '../errors.ts';
import { checkEscaped, decoded, given, parsed, withoutNul } from '../transport/url-parts.ts';

/** A broker's management plugin. Pulse shows its own to nobody in the open; a RabbitMQ of one's own may. */
export interface ManagementApi {
  /** Where it answers: `https://rabbitmq.example.com:15671`. It may hold user and password, but no query. */
  readonly url: string | Secret;
  /** The one in the URL unless given. */
  readonly user?: string | undefined;
  /** The one in the URL unless given. */
  readonly password?: string | Secret | undefined;
  /** `/` by default. */
  readonly vhost?: string | undefined;
  /** How long the whole answer may take, in ms: 10,000 by default. */
  readonly timeoutMs?: number | undefined;
}

const TIMEOUT_MS = 10_000;
const WHOLE = 'the URL of the management API';
const EXAMPLE = 'http://127.0.0.1:15672';

/** What an HTTP status says of us. Any other is a trouble of the API. */
const REFUSALS: Readonly<Record<number, [kind: PulseErrorKind, what: string]>> = {
  401: ['credentials', 'refused the user or the password'],
  403: ['forbidden', 'does not let this user look'],
  404: ['not-found', 'knows no such queue'],
};

/**
 * What a queue is bound to now, as the broker's management API lists it: for `previousBindings`, since AMQP itself lists
 * nothing.
 *
 * What it returns rejects with a PulseError: `credentials`, `forbidden`, `not-found`, or `connection` when the API cannot be
 * reached or does not answer as one.
 *
 * @throws PulseError `invalid` for a URL that is none of HTTP, and where nobody is named to log in; the message never holds
 *   the URL's password
 */
export function managementBindings({ url, user, password, vhost, timeoutMs = TIMEOUT_MS }: ManagementApi) {
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
      const [kind, what] = REFUSALS[response.status] ?? ['connection', 'cannot tell'];
      throw new PulseError(kind, `${where} ${what}: it answered ${response.status} for ${queue}`);
    }
    try {
      const bindings = (await response.json()) as { source: unknown; routing_key: unknown }[];
      return bindings.map(({ source, routing_key }) => {
        if (typeof source === 'string' && typeof routing_key === 'string') {
          return { exchange: source, pattern: routing_key };
        }
        throw new TypeError('one of them has no source or no routing_key');
      });
    } catch (error) {
      throw unusable(`answered no list of bindings: ${reasonOf(error)}`, error);
    }
  };
}

/**
 * Parts a URL and the login that it holds. `fetch` refuses a URL with a login in it, and shows it in its error.
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

/** `fetch` says why in a cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message !== '' ? cause.message : message;
}
