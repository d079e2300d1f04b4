// A queue and an artifact store in their own process. They do as little as possible, because their callers are
// measured.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** The delay of each response, in ms. */
const [, , delayMs = '0'] = process.argv;
const PIECE = Buffer.alloc(1024 * 1024, 'some content of a download, the same again and again\n');

const server = createServer({ noDelay: true }, (request, response) => void answer(request, response));
server.listen(0, '127.0.0.1', () => process.send?.(`http://127.0.0.1:${port()}`));
process.once('disconnect', () => process.exit());

function port(): number {
  return (server.address() as AddressInfo).port;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { url = '', method } = request;
  request.resume();
  if (method !== 'GET') await new Promise(resolve => request.once('end', resolve));
  if (Number(delayMs) > 0) await sleep(Number(delayMs));
  const size = /\/bytes\/(\d+)$/.exec(url)?.[1];
  if (size !== undefined) await sendBytes(Number(size), response);
  else if (url.includes('/artifacts/')) sendJson(response, created());
  else sendJson(response, { alive: true });
}

function created() {
  return {
    storageType: 's3',
    contentType: 'text/plain',
    expires: new Date().toJSON(),
    putUrl: `http://127.0.0.1:${port()}/bucket/key?signature=x`,
  };
}

function sendJson(response: ServerResponse, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length });
  response.end(text);
}

async function sendBytes(size: number, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-length': size, 'content-type': 'application/octet-stream' });
  function* pieces() {
    for (let left = size; left > 0; left -= PIECE.length)
      yield PIECE.subarray(0, Math.min(left, PIECE.length));
  }
  // The client may disconnect.
  await pipeline(pieces, response).catch(() => undefined);
}
