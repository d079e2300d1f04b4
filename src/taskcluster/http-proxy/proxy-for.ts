import { BlockList, isIP } from 'node:net';
import { Secret, urlDecoded } from '../../base/index.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** An HTTP proxy. */
export interface HttpProxy {
  /** Its scheme, host and port. */
  readonly origin: string;
  /** The value of the header Proxy-Authorization, if the proxy's URL has a user. */
  readonly authorization: Secret | undefined;
}

/** The variables with a proxy's URL. Go prefers the first of each pair. */
const VARIABLES = {
  'http:': ['HTTP_PROXY', 'http_proxy'],
  'https:': ['HTTPS_PROXY', 'https_proxy'],
} as const;

/** Whether the environment names any proxy. */
export function namesProxy(environment: Environment = process.env): boolean {
  return Object.values(VARIABLES).some(names => firstOf(names, environment));
}

/** Returns a message for each variable that is not the URL of an HTTP proxy. The value is not shown. */
export function proxyProblems(environment: Environment): string[] {
  const given = Object.values(VARIABLES).map(names => firstOf(names, environment));
  return given.flatMap(variable => (!variable || proxyUrl(variable.value) ? [] : [problemOf(variable)]));
}

/** Returns the passwords of proxies in every form in which they occur. A user without a password may be a token. */
export function proxyPasswords(environment: Environment): Secret[] {
  return Object.values(VARIABLES)
    .flat()
    .flatMap(name => {
      const text = environment[name] ?? '';
      const url = proxyUrl(text);
      if (!url) return [];
      const word = url.password || url.username;
      // A URL object escapes more characters than a text needs.
      const [, user = '', written = user] = /^(?:.*?:\/\/)?([^:@]*)(?::(.*))?@/.exec(text) ?? [];
      return word === '' ? [] : [word, urlDecoded(word), written, base64Of(url)];
    })
    .map(word => new Secret(word));
}

/**
 * Returns the proxy for requests to a URL. The rules are Go's, and so generic-worker's
 * (golang.org/x/net/http/httpproxy): the machine itself and whatever NO_PROXY lists are called directly.
 *
 * @param url with the scheme http, https, ws or wss
 * @throws Error if the variable is not the URL of an HTTP proxy
 */
export function proxyFor(url: URL, environment: Environment = process.env): HttpProxy | undefined {
  const scheme = url.protocol === 'https:' || url.protocol === 'wss:' ? 'https:' : 'http:';
  const variable = firstOf(VARIABLES[scheme], environment);
  if (!variable) return undefined;
  const host = url.hostname.replace(/^\[|\]$|\.$/g, '').toLowerCase();
  const port = url.port || (scheme === 'https:' ? '443' : '80');
  const exceptions = firstOf(['NO_PROXY', 'no_proxy'], environment)?.value ?? '';
  if (isLoopback(host) || exceptions.split(',').some(entry => matches(entry, host, port))) return undefined;
  const proxy = proxyUrl(variable.value);
  if (!proxy) throw new Error(problemOf(variable));
  const isAnonymous = proxy.username === '' && proxy.password === '';
  return {
    origin: proxy.origin,
    authorization: isAnonymous ? undefined : new Secret(`Basic ${base64Of(proxy)}`),
  };
}

interface Variable {
  readonly name: string;
  readonly value: string;
}

function firstOf(names: readonly string[], environment: Environment): Variable | undefined {
  return names.map(name => ({ name, value: environment[name] ?? '' })).find(({ value }) => value !== '');
}

function problemOf({ name }: Variable): string {
  return `variable ${name} is not the http or https URL of a proxy (tcw supports no others, such as SOCKS)`;
}

/** As with Go, the URL may lack its scheme: `proxy.example.com:3128`. */
function proxyUrl(text: string): URL | undefined {
  const url = URL.parse(/^[a-z0-9+.-]+:\/\//i.test(text) ? text : `http://${text}`);
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url : undefined;
}

function base64Of({ username, password }: URL): string {
  return Buffer.from(`${urlDecoded(username)}:${urlDecoded(password)}`).toString('base64');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || isInside(host, '127.0.0.0/8') || isInside(host, '::1');
}

/**
 * Whether an entry of NO_PROXY matches: `*`, an address, a network (`10.0.0.0/8`), a domain with its subdomains
 * (`example.com`), or only the subdomains (`.example.com`, `*.example.com`). All but networks may have a port.
 */
function matches(entry: string, host: string, port: string): boolean {
  const text = entry.trim().toLowerCase();
  if (text === '*') return true;
  if (text.includes('/') || isIP(text)) return isInside(host, text);
  const [, name = '', onlyPort = port] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(text) ?? [];
  if (name === '' || onlyPort !== port) return false;
  if (isIP(host)) return isInside(host, name);
  const domain = name.replace(/^\*\./, '.');
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

/** Whether an address is this address or in this network. False if either is something else. */
function isInside(address: string, network: string): boolean {
  const [base = '', bits = isIP(base) === 4 ? '32' : '128', ...rest] = network.split('/');
  if (!isIP(address) || !isIP(base) || !/^\d{1,3}$/.test(bits) || rest.length > 0) return false;
  const list = new BlockList();
  try {
    list.addSubnet(base, Number(bits), isIP(base) === 4 ? 'ipv4' : 'ipv6');
  } catch {
    return false;
  }
  return list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}
