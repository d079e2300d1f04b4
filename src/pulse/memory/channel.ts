import { PulseError } from '../errors.ts';
import type { TransportChannel } from '../transport.ts';
import type { MemoryBroker } from './broker.ts';
import type { MemoryConsumer, MemoryQueue, QueuedMessage } from './queue.ts';
import { wire } from './wire.ts';

interface Unacked {
  readonly queue: MemoryQueue;
  readonly consumer: MemoryConsumer;
  readonly queued: QueuedMessage;
}

/** One channel of one connection to the broker in memory. What is said to it counts at once, its answers come later. */
export function memoryChannel(broker: MemoryBroker, user: string, connection: object): TransportChannel {
  const { promise: closed, resolve } = Promise.withResolvers<PulseError>();
  const unacked = new Map<number, Unacked>();
  const consumers = new Map<string, { queue: MemoryQueue; consumer: MemoryConsumer }>();
  const toClient = wire();
  let reason: PulseError | undefined;
  let tags = 0;

  const end = (error: PulseError) => {
    if (reason) return;
    reason = error;
    for (const tag of [...consumers.keys()]) remove(tag);
    const returned = Map.groupBy(unacked.values(), ({ queue }) => queue);
    unacked.clear();
    for (const [queue, messages] of returned) queue.requeue(messages.map(({ queued }) => queued));
    resolve(error);
  };
  const remove = (tag: string) => {
    const entry = consumers.get(tag);
    consumers.delete(tag);
    if (entry) broker.removeConsumer(entry.queue, entry.consumer);
  };
  /** As at RabbitMQ, a refused call costs the channel. */
  const call = <T>(action: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      if (reason) throw reason;
      let answer: () => void;
      toClient(() => {
        if (reason) reject(reason);
        else answer();
      });
      try {
        const result = action();
        answer = () => {
          resolve(result);
        };
      } catch (error) {
        end(error as PulseError);
      }
    });
  const settle = (deliveryTag: number, requeue: boolean) => {
    if (reason) throw reason;
    const entry = unacked.get(deliveryTag);
    if (!entry) {
      end(new PulseError('connection', `unknown delivery tag ${deliveryTag} (406)`));
      return;
    }
    unacked.delete(deliveryTag);
    entry.consumer.unacked--;
    if (requeue) entry.queue.requeue([entry.queued]);
    else entry.queue.deliver();
  };

  return {
    closed,
    declareQueue: (name, options) =>
      call(() => {
        broker.declareQueue(user, name, options, connection);
      }),
    declareExchange: name =>
      call(() => {
        broker.declareExchange(user, name);
      }),
    bindQueue: (queue, exchange, pattern) =>
      call(() => {
        broker.bindQueue(user, queue, exchange, pattern, connection);
      }),
    consume: (name, prefetch, onDelivery, onCancelled) =>
      call(() => {
        const queue = broker.readableQueue(user, name, connection);
        const tag = `consumer-${++tags}`;
        const arrive = (what: () => void) => {
          toClient(() => {
            if (!reason) what();
          });
        };
        const consumer: MemoryConsumer = {
          prefetch,
          unacked: 0,
          deliver: queued => {
            const deliveryTag = ++tags;
            unacked.set(deliveryTag, { queue, consumer, queued });
            const { message, redelivered } = queued;
            arrive(() => {
              onDelivery({ ...message, redelivered, deliveryTag });
            });
          },
          cancelled: () => {
            consumers.delete(tag);
            arrive(onCancelled);
          },
        };
        consumers.set(tag, { queue, consumer });
        queue.addConsumer(consumer);
        return tag;
      }),
    cancel: tag =>
      call(() => {
        remove(tag);
      }),
    ack: deliveryTag => {
      settle(deliveryTag, false);
    },
    nack: settle,
    publish: async (exchange, routingKey, content, { routes, headers: own }) => {
      const headers = { ...own, ...(routes.length > 0 && { CC: routes }) };
      checkHeaders(headers);
      await call(() => {
        broker.publish(user, { exchange, routingKey, content, headers }, routes);
      });
    },
    close: async () => {
      end(new PulseError('connection', 'the channel was closed'));
    },
  };
}

/** Refuses about what amqplib has no room or no type for; a table of AMQP is as long as its JSON, give or take. */
function checkHeaders(headers: unknown): void {
  let bytes: number | undefined;
  try {
    bytes = Buffer.byteLength(JSON.stringify(headers));
  } catch {
    // A bigint or a circle: nothing that has a length.
  }
  if (bytes === undefined || bytes > 65_536) throw new PulseError('invalid', 'the headers fit into no frame');
}
