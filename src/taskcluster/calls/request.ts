import type { Agent, IncomingMessage } from 'node:http';
import { http, https } from '../../base/index.ts';
import type { Credentials } from '../credentials/credentials.ts';
import { hawkHeader } from '../credentials/hawk-header.ts';
import { throughProxies } from '../http-proxy/index.ts';

/** One API request, and the limits for its answer. */
export interface ApiRequest {
  readonly method: string;
  /** Scheme, host and port. */
  readonly origin: URL;
  /** The percent-encoded path and query, which are sent and signed exactly as given. */
  readonly path: string;
  /** If undefined, the request is not signed. */
  readonly credentials: Credentials | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** The time from the connection to the last byte of the answer, in ms. */
  readonly timeoutMs: number;
  readonly largestAnswerBytes: number;
}

export interface ApiAnswer {
  readonly statusCode: number;
  /** The parsed body, if it is JSON. */
  readonly body: unknown;
  /** Whether the answer has no body at all. */
  readonly isEmpty: boolean;
}

/** An answer that no honest service gives. The rest of it is not read. */
export class BadAnswer extends Error {}

const MIB = 1024 * 1024;

/**
 * Makes one request as Taskcluster's clients do, signed with Hawk. Redirects are not followed, since the credentials
 * are for this service alone. Compressed answers are not accepted: a few kilobytes could become gigabytes.
 *
 * @throws BadAnswer, a network error with a `code`, or an Error without a `code` if the credentials cannot be used
 */
export async function request(call: ApiRequest): Promise<ApiAnswer> {
  const { method, origin, path, credentials, body, timeoutMs } = call;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    ...(credentials && { authorization: hawkHeader({ method, origin, path, credentials }) }),
    'accept-encoding': 'identity',
    'user-agent': 'tcw',
    ...(text !== undefined && {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    }),
  };
  const { promise, resolve, reject } = Promise.withResolvers<ApiAnswer>();
  const { protocol, hostname, port } = origin;
  const { open, agent } = clientFor(protocol);
  const outgoing = open(
    // Node expects an IPv6 address without brackets.
    { protocol, hostname: hostname.replace(/^\[|\]$/g, ''), port, method, path, headers, agent },
    answer => {
      read(answer, call.largestAnswerBytes).then(resolve, (error: unknown) => {
        answer.destroy();
        reject(error);
      });
    },
  );
  outgoing.on('error', reject);
  outgoing.on('upgrade', (_, socket) => {
    socket.destroy();
    reject(new BadAnswer('the answer changes the protocol'));
  });
  const timer = setTimeout(() => {
    const late = new Error(`no answer within ${timeoutMs}ms`);
    reject(Object.assign(late, { code: 'ETIMEDOUT' }));
    outgoing.destroy();
  }, timeoutMs);
  outgoing.end(text);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

async function read(answer: IncomingMessage, largest: number): Promise<ApiAnswer> {
  const { statusCode = 0, headers } = answer;
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    throw new BadAnswer(`the answer is compressed (${encoding}), which was not asked for`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > largest) break;
      chunks.push(chunk);
    }
  } catch (error) {
    throw Object.assign(new Error('the answer broke off', { cause: error }), { code: 'ECONNRESET' });
  }
  if (size > largest) throw new BadAnswer(`the answer is larger than ${Math.floor(largest / MIB)} MiB`);
  const isJson = headers['content-type']?.startsWith('application/json') === true;
  const body = isJson && size > 0 ? parse(Buffer.concat(chunks)) : undefined;
  return { statusCode, body, isEmpty: size === 0 };
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new BadAnswer('the answer is not JSON, though it says so');
  }
}

// A server may close an idle connection just as we send. 4 s is shorter than the usual idle timeout of servers.
// There is no limit on connections, because a reclaim must not wait behind stuck uploads. The worker's slots bound the
// number of calls.
const AGENT = { keepAlive: true, maxSockets: Infinity, timeout: 4_000 };
const agents: Record<string, Agent> = {};

function clientFor(protocol: string) {
  const { request: open, Agent } = protocol === 'https:' ? https() : http;
  return { open, agent: (agents[protocol] ??= throughProxies(new Agent(AGENT), protocol)) };
}
