import type { Duplex } from 'node:stream';
import { http } from '../../base/index.ts';
import { CORS } from './cors.ts';

/** How long a refused client may take to read the answer and close the connection, in ms. */
const CLOSE_MS = 2_000;

export interface Refusal {
  readonly status: number;
  /** Plain ASCII text that ends with a line feed. */
  readonly text: string;
}

/**
 * Sends an answer on a connection for which Node creates no response, such as that of a refused handshake. Closes the
 * connection too, since nothing else would.
 */
export function refuse(socket: Duplex, { status, text }: Refusal): void {
  const headers = { ...CORS, 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\n${lines.join('')}Content-Length: ${text.length}\r\n\r\n${text}`,
  );
  // If the connection were closed with unread data, the system would discard the answer.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), CLOSE_MS).unref();
  socket.once('close', () => {
    clearTimeout(timer);
  });
}
