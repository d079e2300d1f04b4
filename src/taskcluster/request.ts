import type { Agent, IncomingMessage } from 'node:http';
import { http, https } from '../base/index.ts';
import type { Credentials } from './credentials.ts';
import { hawkHeader } from './hawk-header.ts';

/** One request of an API, and what is accepted as its answer. */
export interface ApiRequest {
  readonly method: string;
  /** Scheme, host and port. */
  readonly origin: URL;
  /** What is sent and signed, byte for byte: the path, percent-encoded already. */
  readonly path: string;
  /** Without them the request is not signed. */
  readonly credentials: Credentials | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** From the connection to the last byte of the answer, in ms. */
  readonly timeoutMs: number;
  readonly largestAnswerBytes: number;
}

export interface ApiAnswer {
  readonly statusCode: number;
  /** The body, where it is JSON. */
  readonly body: unknown;
  /** Whether there is no body at all. */
  readonly isEmpty: boolean;
}

/** An answer that no honest service gives. What is left of it is not read. */
export class BadAnswer extends Error {}

const MIB = 1024 * 1024;

/**
 * Makes one request as Taskcluster's clients do, signed with Hawk. Redirects are not followed, since the credentials are
 * for this service alone, and nothing is unpacked: a few kilobytes could become gigabytes.
 *
 * @throws BadAnswer, a network error with a `code`, or an Error without one for credentials that cannot be used
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
    // Node wants the address of IPv6 without its brackets.
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

// A server may close an idle connection just as we send; 4 s is under what servers commonly allow.
// As many as there are calls, which a worker's slots bound: a reclaim must not wait behind uploads that are stuck.
const AGENT = { keepAlive: true, maxSockets: Infinity, timeout: 4_000 };
const agents: Record<string, Agent> = {};

function clientFor(protocol: string) {
  const { request: open, Agent } = protocol === 'https:' ? https() : http;
  return { open, agent: (agents[protocol] ??= new Agent(AGENT)) };
}
