import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { nowMs } from '../setting/clock.ts';

/** What stands before a queue: it counts, and can refuse everything, as a deployment does that has too much to do. */
export interface BusyFront extends AsyncDisposable {
  readonly rootUrl: string;
  /** When each request came, on the clock of `nowMs`. */
  readonly times: readonly number[];
  /** Answers 503 to everything for so long. */
  refuseFor(ms: number): void;
}

/** @param queueUrl what answers while it does not refuse; it answers 200 by itself without one */
export async function busyFront(queueUrl?: string): Promise<BusyFront> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 200 });
  const times: number[] = [];
  let refusesUntil = 0;
  const server = http.createServer((incoming, answer) => {
    times.push(nowMs());
    if (nowMs() < refusesUntil) refuse(incoming, answer, 503);
    else if (queueUrl === undefined) refuse(incoming, answer, 200);
    else forward(queueUrl, agent, incoming, answer);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    rootUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    times,
    refuseFor: ms => {
      refusesUntil = nowMs() + ms;
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await once(server, 'close');
    },
  };
}

function refuse(incoming: IncomingMessage, answer: ServerResponse, status: 200 | 503): void {
  incoming.resume();
  answer.writeHead(status, { 'content-type': 'application/json' }).end('{}');
}

/** Hawk signs the host that the caller sees, so the headers go on as they are. */
function forward(
  queueUrl: string,
  agent: http.Agent,
  incoming: IncomingMessage,
  answer: ServerResponse,
): void {
  const { method, url, headers } = incoming;
  const { hostname, port } = new URL(queueUrl);
  const upstream = http.request({ hostname, port, agent, method, path: url, headers }, response => {
    answer.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(answer);
  });
  upstream.on('error', () => answer.destroy());
  answer.on('close', () => {
    if (!answer.writableFinished) upstream.destroy();
  });
  incoming.pipe(upstream);
}
