/** Headers as received: name, value, name, value, …, with the sender's spelling and order. */
export type RawHeaders = readonly string[];

/** Headers about one connection only (RFC 9110, 7.6.1). Intermediaries do not pass them on. */
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

/** Headers that the proxy sets itself: the destination, the signature, and the end of the body. */
const OWN_OF_REQUEST: ReadonlySet<string> = new Set(['host', 'authorization', 'content-length', 'expect']);

/**
 * With these headers, a service lets the pages of any site read its answers, which is safe for public answers.
 * The proxy's answers are for the task alone.
 */
const OPENING = /^(?:access-control-|cross-origin-resource-policy$|timing-allow-origin$)/;

/** Returns the headers of a task's request that a service receives. */
export function requestHeaders(raw: RawHeaders): string[] {
  const dropped = namedByConnection(raw);
  return kept(raw, name => !HOP_BY_HOP.has(name) && !OWN_OF_REQUEST.has(name) && !dropped.has(name));
}

/** Returns the headers of a service's answer that the task receives. */
export function responseHeaders(raw: RawHeaders): string[] {
  const dropped = namedByConnection(raw);
  // Keep the length even if `Connection` lists it: the answer to HEAD has no other indication.
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

/** `Connection: close, x-mine` means that `x-mine` is for this connection only. */
function namedByConnection(raw: RawHeaders): Set<string> {
  const names = new Set<string>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() !== 'connection') continue;
    for (const name of raw[i + 1]?.split(',') ?? []) names.add(name.trim().toLowerCase());
  }
  return names;
}
