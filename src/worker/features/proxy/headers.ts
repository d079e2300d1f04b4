/** Headers as they came: name, value, name, value, … with the spelling and the order of whoever sent them. */
export type RawHeaders = readonly string[];

/** About one connection only (RFC 9110, 7.6.1). Whoever passes a message on leaves them out. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What the proxy says itself to a service: where the request goes, who signs it, and where its body ends. */
const OWN_OF_REQUEST: ReadonlySet<string> = new Set(['host', 'authorization', 'content-length', 'expect']);

/**
 * With these a service lets the page of any site read its answers, which is safe for an answer that everybody may get.
 * The proxy's answers are for the task alone.
 */
const OPENING = /^(?:access-control-|cross-origin-resource-policy$|timing-allow-origin$)/;

/** The headers of a task's request that a service gets. */
export function requestHeaders(raw: RawHeaders): string[] {
  const dropped = namedByConnection(raw);
  return kept(raw, name => !HOP_BY_HOP.has(name) && !OWN_OF_REQUEST.has(name) && !dropped.has(name));
}

/** The headers of a service's answer that the task gets. */
export function responseHeaders(raw: RawHeaders): string[] {
  const dropped = namedByConnection(raw);
  // The length is needed where the connection names it, too: the answer to HEAD has no other.
  dropped.delete('content-length');
  return kept(raw, name => !HOP_BY_HOP.has(name) && !OPENING.test(name) && !dropped.has(name));
}

function kept(raw: RawHeaders, isKept: (name: string) => boolean): string[] {
  const headers: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [name = '', value = ''] = [raw[i], raw[i + 1]];
    if (isKept(name.toLowerCase())) headers.push(name, value);
  }
  return headers;
}

/** `Connection: close, x-mine` says that `x-mine` is for this connection only. */
function namedByConnection(raw: RawHeaders): Set<string> {
  const names = new Set<string>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() !== 'connection') continue;
    for (const name of raw[i + 1]?.split(',') ?? []) names.add(name.trim().toLowerCase());
  }
  return names;
}
