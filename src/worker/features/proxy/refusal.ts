import type { ServerResponse } from 'node:http';

/** An answer of the proxy's own: it says why a request did not reach a service. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Answers as Taskcluster's services do, and closes the connection: what is left of the request is not read. */
export function refuse(response: ServerResponse, { status, code, message }: Refusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = JSON.stringify({ code, message });
  response.writeHead(status, {
    ...OWN_HEADERS,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  });
  response.end(body);
}

/** Of each answer that the proxy itself gives: nobody keeps it, and no browser takes it for a page. */
export const OWN_HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const;
