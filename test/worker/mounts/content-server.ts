import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { listening } from '../../harness/listening.ts';

/** How a server answers one request. */
export type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A server that gives these answers in turn, repeats the last one, and records its requests. */
export async function contentServer(...answers: Answer[]) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    response.on('error', () => undefined);
    const answer = answers[requests.length] ?? answers.at(-1);
    requests.push(request);
    answer?.(response, request);
  });
  const host = await listening(server);
  return { requests, host, url: `http://${host}/content?signature=nobody-may-see` };
}

/** A server that sends exactly these bytes to every client. */
export async function rawServer(text: string): Promise<{ url: string }> {
  const server = createTcpServer(socket => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(text));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

/** Sends content like a correct server: with its length and ETag, or the requested part. */
export function serving(content: Buffer | string, etag = '"one"'): Answer {
  const all = Buffer.from(content);
  return (response, { headers }) => {
    const [, from] = /^bytes=(\d+)-$/.exec(headers.range ?? '') ?? [];
    const isRange = from !== undefined && headers['if-range'] === etag;
    const part = isRange ? all.subarray(Number(from)) : all;
    response.writeHead(isRange ? 206 : 200, {
      etag,
      'content-length': part.length,
      ...(isRange && { 'content-range': `bytes ${from}-${all.length - 1}/${all.length}` }),
    });
    response.end(part);
  };
}

/** Sends the beginning of the content, and closes the connection. */
export function cutAfter(
  bytes: number,
  content: Buffer | string,
  headers: Record<string, string> = { etag: '"one"' },
): Answer {
  const all = Buffer.from(content);
  return response => {
    response.writeHead(200, { ...headers, 'content-length': all.length });
    response.write(all.subarray(0, bytes), () => response.socket?.destroySoon());
  };
}

/** Sends the beginning of the content, and then nothing more. */
export function stopsAfter(
  bytes: number,
  content: Buffer | string,
  headers: Record<string, string> = { etag: '"one"' },
): Answer {
  const all = Buffer.from(content);
  return response => {
    response.writeHead(200, { ...headers, 'content-length': all.length });
    response.write(all.subarray(0, bytes));
  };
}

export function answering(status: number, headers: Record<string, string> = {}, text = ''): Answer {
  return response => void response.writeHead(status, headers).end(text);
}

/** Sends bytes until the connection is closed. */
export function endless(
  status: number,
  headers: Record<string, string> = {},
  onSent?: (bytes: number) => void,
): Answer {
  const block = Buffer.alloc(256 * 1024);
  return response => {
    response.writeHead(status, headers);
    let isOpen = true;
    response.on('close', () => (isOpen = false));
    const more = () => {
      onSent?.(block.length);
      // A closed connection accepts every write immediately, so its end must be detected.
      if (isOpen) response.write(block, () => setImmediate(more));
    };
    more();
  };
}

export const hangingUp: Answer = response => void response.socket?.destroy();
export const silent: Answer = () => undefined;
