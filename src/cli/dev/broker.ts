import type { Secret } from '../../base/index.ts';
import { queueExchanges } from '../../exchanges/index.ts';
import type { Publish } from '../../local/index.ts';
import type { Pulse, PulseOptions } from '../../pulse/index.ts';
import { MemoryBroker, memoryTransport } from '../../pulse/testing.ts';
import { connectToPulse } from './connect.ts';

/** The Pulse user that owns the exchanges of the queue. */
const QUEUE_USER = 'taskcluster-queue';
/** Time for consumers to settle the messages that they hold, in ms. */
const CLOSING_MS = 1_000;

/** The broker of `tcw dev`. The worker listens and the queue publishes, as two users. */
export interface DevBroker {
  readonly workers: Pulse;
  readonly publish: Publish;
  close(): Promise<void>;
}

/**
 * Opens an in-process broker, or connects to a real one if a URL is given. One URL is enough for a user that may both
 * listen and publish as Taskcluster.
 *
 * @throws Failure when a real broker refuses one of the users, or cannot be reached
 */
export async function devBroker(urls: {
  readonly workers?: Secret | undefined;
  readonly queue?: Secret | undefined;
}): Promise<DevBroker> {
  const memory = { transport: memoryTransport(new MemoryBroker()) };
  const optionsFor = (url: Secret | undefined, user: string): PulseOptions =>
    url ? { url } : { ...memory, user };
  const open: Pulse[] = [];
  const close = async () => {
    await Promise.all(open.map(pulse => pulse.close(CLOSING_MS)));
  };
  const connected = async (options: PulseOptions, connectionName: string) => {
    const pulse = await connectToPulse({ ...options, connectionName });
    open.push(pulse);
    return pulse;
  };
  try {
    const taskcluster = await connected(optionsFor(urls.queue ?? urls.workers, QUEUE_USER), 'tcw dev queue');
    for (const { exchange } of Object.values(queueExchanges)) await taskcluster.declareExchange(exchange);
    const workers = await connected(optionsFor(urls.workers ?? urls.queue, 'tcw-dev'), 'tcw dev worker');
    return {
      workers,
      publish: ({ exchange, routingKey, routes, body }) =>
        taskcluster.publish(exchange, routingKey, body, { routes }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
