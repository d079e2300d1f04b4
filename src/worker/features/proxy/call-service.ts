import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { hawkHeader, type Credentials } from '../../../taskcluster/index.ts';
import { askAgain, type Ask } from './ask-again.ts';
import { askService, NoAnswer, type AnswerHead } from './ask-service.ts';
import { requestHeaders, responseHeaders } from './headers.ts';
import { Refusal } from './refusal.ts';
import { bodyOf } from './request-body.ts';
import type { ServiceConnections } from './service-connections.ts';

/** As whom a proxy calls services. */
export interface Signer {
  /** The present ones: asked for each request, so that those of a reclaim are used from then on. */
  readonly credentials: () => Credentials;
  /** What calls may do, whatever else the credentials allow. */
  readonly authorizedScopes: readonly string[];
}

/** A call that a task makes through the proxy. */
export interface TaskCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The path at the deployment, with the query, byte for byte. */
  readonly path: string;
  readonly connections: ServiceConnections;
  readonly signer: Signer;
  /** Headers that the proxy adds to the answer: name, value, name, value, … */
  readonly added: readonly string[];
  /** Aborted when the task is not there any more to hear the answer. */
  readonly signal: AbortSignal;
  /** For how long a call is tried again, in ms. */
  readonly tryForMs?: number | undefined;
}

/**
 * Passes a call on to its service, signed, and the answer back. Bodies are streamed, each as fast as the slower side.
 * Redirects are for the task: they lead elsewhere, where nothing must be signed.
 *
 * @throws Refusal, or an Error when the task breaks off
 */
export async function callService(call: TaskCall): Promise<void> {
  const { request, response, path, connections, signal } = call;
  const { method = 'GET' } = request;
  const body = await bodyOf(request, response);
  const ask: Ask = wants =>
    askService(
      connections.pool,
      { method, path, headers: headersOf(call, method), body },
      head => (wants(head.statusCode) ? begin(call, head) : undefined),
      signal,
    );
  try {
    await askAgain({ method, body }, ask, signal, call.tryForMs);
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

/** What fits into a status line. */
const REASON = /^[\t\x20-\x7e\x80-\xff]*$/;

function begin(
  { response, added }: TaskCall,
  { statusCode, statusMessage, rawHeaders }: AnswerHead,
): Writable {
  const reason = REASON.test(statusMessage) ? statusMessage : '';
  response.writeHead(statusCode, reason, [...responseHeaders(rawHeaders), ...added]);
  return response;
}

/** How long a task may go on sending what its service does not want to hear, in ms. */
const LINGER_MS = 5_000;

/** Reads on for a while: a task that is still sending would not read an answer whose connection is gone. */
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
