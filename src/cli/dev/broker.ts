import { queue } from '../../exchanges/index.ts';
import type { Publish } from '../../local/index.ts';
import {
  MemoryBroker,
  memoryTransport,
  type Pulse,
  type PulseOptions,
  type Secret,
} from '../../pulse/index.ts';
import type { Logger } from '../../worker/index.ts';
import { connectToPulse } from '../pulse.ts';

/** Who owns the queue's exchanges at Pulse. */
const QUEUE_USER = 'taskcluster-queue';

/** The broker of `tcw dev`: the worker listens, the queue publishes, as two users. */
export interface DevBroker {
  readonly workers: Pulse;
  readonly publish: Publish;
  close(): Promise<void>;
}

/**
 * A broker in this process, or a real one when URLs are given.
 *
 * @throws Failure when a real broker refuses one of the users
 */
export async function devBroker(
  urls: { readonly workers?: Secret | undefined; readonly queue?: Secret | undefined },
  logger: Logger,
): Promise<DevBroker> {
  const memory = { transport: memoryTransport(new MemoryBroker()) };
  const workerOptions: PulseOptions = urls.workers ? { url: urls.workers } : { ...memory, user: 'tcw-dev' };
  const queueOptions: PulseOptions = urls.queue ? { url: urls.queue } : { ...memory, user: QUEUE_USER };
  const taskcluster = await connectToPulse({ ...queueOptions, connectionName: 'tcw dev queue' }, logger);
  for (const { exchange } of Object.values(queue)) await taskcluster.declareExchange(exchange);
  const workers = await connectToPulse({ ...workerOptions, connectionName: 'tcw dev worker' }, logger);
  return {
    workers,
    publish: ({ exchange, routingKey, routes, body }) =>
      taskcluster.publish(exchange, routingKey, body, { routes }),
    close: async () => {
      await Promise.all([workers.close(1_000), taskcluster.close(1_000)]);
    },
  };
}
