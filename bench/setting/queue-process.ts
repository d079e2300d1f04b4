// The embedded queue in its own process, which publishes to a real broker and reports every call to the parent.
import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { queueExchanges } from '../../src/exchanges/index.ts';
import { startLocalQueue } from '../../src/local/index.ts';
import { connect, Secret } from '../../src/pulse/index.ts';
import { nowMs } from './clock.ts';
import type { QueueProcessMessage, QueueProcessOptions } from './observed-call.ts';

const BASE = '/api/queue/v1';

const send = (message: QueueProcessMessage) => void process.send?.(message);

/**
 * Observes the HTTP server through Node's diagnostics channels, so that the queue itself is unchanged. A call is
 * reported after its response has been sent or its caller has disconnected.
 */
function observeCalls(): void {
  subscribe('http.server.request.start', message => {
    const startedMs = nowMs();
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    const whole = (request.url ?? '').split('?', 1)[0] ?? '';
    const path = whole.startsWith(BASE) ? whole.slice(BASE.length) : whole;
    let answeredMs: number | null = null;
    let body = '';
    const end = response.end.bind(response) as (...words: unknown[]) => ServerResponse;
    response.end = ((...words: unknown[]) => {
      if (typeof words[0] === 'string') body = words[0];
      return end(...words);
    }) as typeof response.end;
    response.once('finish', () => {
      answeredMs = nowMs();
    });
    response.once('close', () => {
      const { method = '' } = request;
      const { statusCode } = response;
      const claimed = path.includes('/claim-work/') && answeredMs !== null ? claimedIn(statusCode, body) : [];
      send({
        type: 'call',
        call: { method, path, statusCode, startedMs, answeredMs, claimed },
      });
    });
  });
}

function claimedIn(statusCode: number, body: string): string[] {
  if (statusCode !== 200) return [];
  const { tasks } = JSON.parse(body) as { tasks: { status: { taskId: string } }[] };
  return tasks.map(({ status }) => status.taskId);
}

const options = JSON.parse(process.env.BENCH_QUEUE ?? '{}') as QueueProcessOptions;
observeCalls();
const taskcluster = connect({ url: new Secret(options.queuePulseUrl), connectionName: 'tcw bench queue' });
for (const { exchange } of Object.values(queueExchanges)) await taskcluster.declareExchange(exchange);
const localQueue = await startLocalQueue({
  publish: ({ exchange, routingKey, routes, body }) =>
    taskcluster.publish(exchange, routingKey, body, { routes }),
  clients: options.clients.map(client => ({ ...client, accessToken: new Secret(client.accessToken) })),
  ...(options.claimTimeoutMs !== undefined && { claimTimeoutMs: options.claimTimeoutMs }),
  onError: error => {
    console.error('the embedded queue:', error);
  },
});
send({ type: 'listening', rootUrl: localQueue.rootUrl });

/** Closes the queue, which removes its folder. Pending calls get no response. */
const leave = () => void localQueue.close().finally(() => process.exit());
process.once('disconnect', leave);
process.once('SIGTERM', leave);
