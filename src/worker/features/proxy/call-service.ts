import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { hawkHeader, type Credentials } from '../../../taskcluster/index.ts';
import { retryRequest, type Ask } from './retry-request.ts';
import { requestService, NoAnswer, type AnswerHead } from './request-service.ts';
import { requestHeaders, responseHeaders } from './headers.ts';
import { Refusal } from './refusal.ts';
import { bodyOf } from './request-body.ts';
import type { ServiceConnections } from './service-connections.ts';

/** The identity with which a proxy calls services. */
export interface Signer {
  /** Returns the present credentials for each request, so that a reclaim's new ones are used. */
  readonly credentials: () => Credentials;
  /** Limits what calls may do, independent of the credentials. */
  readonly authorizedScopes: readonly string[];
}

/** A call that a task makes through the proxy. */
export interface TaskCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The path at the deployment with the query, byte for byte. */
  readonly path: string;
  readonly connections: ServiceConnections;
  readonly signer: Signer;
  /** Headers that the proxy adds to the answer: name, value, name, value, … */
  readonly added: readonly string[];
  /** Aborted when the task no longer waits for the answer. */
  readonly signal: AbortSignal;
  /** Time limit for retries of a call, in ms. */
  readonly tryForMs?: number | undefined;
}

/**
 * Signs a call, passes it on to its service, and passes the answer back. Bodies are streamed at the speed of
 * the slower side. Redirects are left to the task: they lead elsewhere, where requests must not be signed.
 *
 * @throws Refusal, or an Error when the task disconnects
 */
export async function callService(call: TaskCall): Promise<void> {
  const { request, response, path, connections, signal } = call;
  const { method = 'GET' } = request;
  const body = await bodyOf(request, response);
  const ask: Ask = wants =>
    requestService(
      connections.pool,
      { method, path, headers: headersOf(call, method), body },
      head => (wants(head.statusCode) ? begin(call, head) : undefined),
      signal,
    );
  try {
    await retryRequest({ method, body }, ask, signal, call.tryForMs);
  } catch (error) {
    throw error instanceof NoAnswer ? unreachable(error) : error;
  }
  if (!request.complete) linger(request);
}

function headersOf({ request, path, connections, signer }: TaskCall, method: string): string[] {
  const { origin } = connections;
  const { authorizedScopes } = signer;
  const credentials = signer.credentials();
  return [
    ...['Host', origin.host],
    ...requestHeaders(request.rawHeaders),
    ...['Authorization', hawkHeader({ method, origin, path, credentials, authorizedScopes })],
  ];
}

/** Characters that are allowed in a status line. */
const REASON = /^[\t\x20-\x7e\x80-\xff]*$/;

function begin(
  { response, added }: TaskCall,
  { statusCode, statusMessage, rawHeaders }: AnswerHead,
): Writable {
  const reason = REASON.test(statusMessage) ? statusMessage : '';
  response.writeHead(statusCode, reason, [...responseHeaders(rawHeaders), ...added]);
  return response;
}

/** How long a task may keep sending a body that its service does not want, in ms. */
const LINGER_MS = 5_000;

/**
 * Keeps reading for a while, because a task that is still sending would not read the answer on a closed
 * connection.
 */
function linger(request: IncomingMessage): void {
  const { socket } = request;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  request.once('close', () => {
    clearTimeout(timer);
  });
  request.resume();
}

function unreachable({ message }: NoAnswer): Refusal {
  return new Refusal(502, 'NoAnswer', `the service gave no answer: ${message}`);
}
