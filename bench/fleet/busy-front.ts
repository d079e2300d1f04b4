import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { nowMs } from '../setting/clock.ts';

/** A proxy in front of a queue. It counts requests and can refuse all of them, like an overloaded deployment. */
export interface BusyFront extends AsyncDisposable {
  readonly rootUrl: string;
  /** The time of each request, on the clock of `nowMs`. */
  readonly times: readonly number[];
  /** Answers every request with 503 for this time. */
  refuseFor(ms: number): void;
}

/** @param queueUrl the queue that answers while the proxy does not refuse. Without it, the proxy answers 200 itself */
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

/** Forwards a request with unchanged headers, because the Hawk signature covers the host that the caller sees. */
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
