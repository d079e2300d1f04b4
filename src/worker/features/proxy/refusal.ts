import type { ServerResponse } from 'node:http';

/** An answer of the proxy itself. It says why a request did not reach a service. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/**
 * Answers in the format of Taskcluster's services, and closes the connection: the rest of the request is not
 * read.
 */
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

/** Headers of the proxy's own answers: they are not cached, and no browser renders them as a page. */
export const OWN_HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const;
