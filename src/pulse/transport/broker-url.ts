import { domainToASCII } from 'node:url';
import { PulseError } from '../errors.ts';
import { checkShortString } from './short-string.ts';
import { checkEscaped, decoded, parsed } from './url-parts.ts';

/** The parts of an AMQP URL. Missing parts, and an empty user or password, are undefined. */
export interface BrokerUrl {
  readonly tls: boolean;
  readonly hostname: string;
  readonly port: number;
  readonly vhost: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly heartbeatSecs: number | undefined;
}

const WHOLE = 'the Pulse URL';
const EXAMPLE = 'amqps://user:password@host:5671';
/** AMQP negotiates heartbeats in 16 bits. */
export const MAX_HEARTBEAT_SECS = 65_535;

const EXAMPLE_OPTIONS = { ssl: 'ssl=1', heartbeat: 'heartbeat=30' };

/** URL options of other clients that are not supported here, each with its replacement. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  cacertfile: 'name the certificate in NODE_EXTRA_CA_CERTS',
  cafile: 'name the certificate in NODE_EXTRA_CA_CERTS',
  ssl_ca_certs: 'name the certificate in NODE_EXTRA_CA_CERTS',
  connect_timeout: 'use the option connectTimeoutMs',
  connection_timeout: 'use the option connectTimeoutMs',
  socket_timeout: 'use the option connectTimeoutMs',
  connection_attempts: 'leave it out: tcw goes on trying',
  retry_delay: 'use the option backoff',
};

/**
 * Parses the URL of a broker. It ignores nothing: unsupported parts are refused.
 *
 * @throws PulseError `invalid`; its message contains nothing that could be part of the password
 */
export function brokerUrl(text: string): BrokerUrl {
  const url = parsed(text, WHOLE, EXAMPLE);
  checkProtocol(url.protocol);
  if (url.hostname === '') throw invalid(`names no host; it should look like ${EXAMPLE}`);
  checkEscaped(url, WHOLE, 'a user, a password or a vhost');
  if (url.hash !== '') throw invalid('has a fragment, which means nothing; write # itself as %23');
  checkDots(text);
  const { ssl, heartbeatSecs } = optionsOf(url.searchParams);
  const secure = url.protocol === 'amqps:';
  if (secure && ssl === false) {
    throw invalid('begins with amqps: and has ssl=0; without TLS it has to begin with amqp:');
  }
  const tls = secure || ssl === true;
  return {
    tls,
    hostname: hostOf(url),
    port: url.port === '' ? (tls ? 5671 : 5672) : Number(url.port),
    vhost: vhostOf(url),
    user: decoded(url.username, `${WHOLE}'s user`) || undefined,
    password: decoded(url.password, `${WHOLE}'s password`) || undefined,
    heartbeatSecs,
  };
}

function checkProtocol(protocol: string): void {
  if (protocol === 'amqp:' || protocol === 'amqps:') return;
  const known = /^[a-z][a-z0-9+.-]{0,20}:$/.test(protocol) ? protocol : 'something else';
  throw invalid(`begins with ${known}; it has to be amqp: or amqps:`);
}

/** Refuses `.` and `..` segments. The URL standard drops them, which would change the vhost. */
function checkDots(text: string): void {
  const path = /^[^/]*\/\/[^/?#]*([^?#]*)/.exec(text.trim())?.[1] ?? '';
  if (!path.split('/').some(segment => /^(\.|%2e){1,2}$/i.test(segment))) return;
  throw invalid('has . or .. as a segment of its path, which is the vhost; a URL cannot name such a vhost');
}

function optionsOf(query: URLSearchParams): { ssl: boolean | undefined; heartbeatSecs: number | undefined } {
  for (const name of query.keys()) {
    // Anything that is not a name may be part of a password.
    const shown = /^[a-z][a-z_]{0,30}$/i.test(name) ? name : 'an option';
    if (name !== 'ssl' && name !== 'heartbeat') {
      throw invalid(
        `has ${shown} in its query, which tcw does not know: ${ELSEWHERE[name] ?? 'leave it out'}`,
      );
    }
    if (query.getAll(name).length > 1) throw invalid(`has ${shown} twice in its query`);
    if (query.get(name) === '') {
      throw invalid(
        `has ${shown} without a value in its query; write ${EXAMPLE_OPTIONS[name]}, or leave it out`,
      );
    }
  }
  const ssl = query.get('ssl')?.toLowerCase();
  if (ssl !== undefined && !/^(1|true|0|false)$/.test(ssl)) {
    throw invalid('has an ssl in its query that is neither 1 nor 0');
  }
  const heartbeat = query.get('heartbeat');
  const heartbeatSecs = Number(heartbeat);
  if (
    heartbeat !== null &&
    !(/^\d+$/.test(heartbeat) && heartbeatSecs >= 1 && heartbeatSecs <= MAX_HEARTBEAT_SECS)
  ) {
    throw invalid(
      `has a heartbeat in its query that is not a number of seconds from 1 to ${MAX_HEARTBEAT_SECS}`,
    );
  }
  return {
    ssl: ssl === undefined ? undefined : ssl === '1' || ssl === 'true',
    heartbeatSecs: heartbeat === null ? undefined : heartbeatSecs,
  };
}

/** Returns an IPv6 address without its brackets, or a name in its DNS form. */
function hostOf({ hostname }: URL): string {
  if (hostname.startsWith('[')) return hostname.slice(1, -1);
  const ascii = domainToASCII(decoded(hostname, `${WHOLE}'s host`));
  if (ascii === '')
    throw invalid(`has a host that is no name and no address; it should look like ${EXAMPLE}`);
  return ascii;
}

/**
 * Returns the vhost. No path, `/` and Celery's `//` mean the default vhost. Any other vhost is one encoded segment,
 * such as `/communitytc`.
 */
function vhostOf({ pathname }: URL): string {
  if (pathname === '' || pathname === '/' || pathname === '//') return '/';
  const segment = pathname.slice(1);
  if (segment.includes('/')) {
    throw invalid('has a path of several segments; its path is the vhost, in which / is written as %2F');
  }
  return checkShortString(decoded(segment, `${WHOLE}'s vhost`), 'vhost');
}

function invalid(what: string): PulseError {
  return new PulseError('invalid', `${WHOLE} ${what}`);
}
