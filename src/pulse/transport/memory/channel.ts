import { PulseError } from '../../errors.ts';
import type { TransportChannel } from '../transport.ts';
import type { MemoryBroker } from './broker.ts';
import { deliveredHeaders } from './delivered-headers.ts';
import type { MemoryCall } from './faults.ts';
import type { MemoryConsumer, MemoryQueue, QueuedMessage } from './queue.ts';
import { wire } from './wire.ts';

interface Unacked {
  readonly queue: MemoryQueue;
  readonly consumer: MemoryConsumer;
  readonly queued: QueuedMessage;
}

/** One channel of a connection to the in-memory broker. Calls take effect at once; their answers arrive later. */
export function memoryChannel(broker: MemoryBroker, user: string, connection: object): TransportChannel {
  const { promise: closed, resolve } = Promise.withResolvers<PulseError>();
  const { faults } = broker;
  const unacked = new Map<number, Unacked>();
  const consumers = new Map<string, { queue: MemoryQueue; consumer: MemoryConsumer }>();
  /** Callbacks of unanswered calls. They receive the error when the channel ends. */
  const unanswered = new Set<(error: PulseError) => void>();
  const toClient = wire(faults);
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
    queueMicrotask(() => {
      for (const fail of unanswered) fail(error);
      unanswered.clear();
    });
  };
  const remove = (tag: string) => {
    const entry = consumers.get(tag);
    consumers.delete(tag);
    if (entry) broker.removeConsumer(entry.queue, entry.consumer);
  };
  /** Makes a call. As with RabbitMQ, a refused call closes the channel. */
  const call = <T>(action: () => T, kind?: MemoryCall): Promise<T> =>
    new Promise((resolve, reject) => {
      if (reason) throw reason;
      unanswered.add(reject);
      faults.now(() => {
        if (reason) return;
        try {
          if (kind) faults.check(kind);
          const result = action();
          toClient(() => {
            if (unanswered.delete(reject)) resolve(result);
          });
        } catch (error) {
          end(error as PulseError);
        }
      });
    });
  /** Settles a message and, with `upTo`, all earlier ones. */
  const settle = (deliveryTag: number, fate: 'ack' | 'reject' | 'requeue', upTo = false) => {
    if (reason) throw reason;
    faults.now(() => {
      if (reason) return;
      if (!unacked.has(deliveryTag)) {
        end(new PulseError('connection', `unknown delivery tag ${deliveryTag} (406)`));
        return;
      }
      const tags = upTo ? [...unacked.keys()].filter(tag => tag <= deliveryTag) : [deliveryTag];
      for (const tag of tags) {
        const entry = unacked.get(tag);
        unacked.delete(tag);
        if (entry) settleOne(entry, fate);
      }
    });
  };

  return {
    closed,
    declareQueue: (name, options) =>
      call(() => {
        broker.declareQueue(user, name, options, connection);
      }, 'declareQueue'),
    declareExchange: name =>
      call(() => {
        broker.declareExchange(user, name);
      }, 'declareExchange'),
    checkQueue: name =>
      call(() => {
        const queue = broker.readableQueue(user, name, connection);
        queue.declaredAgain();
        return { messages: queue.length, consumers: queue.consumers.length };
      }),
    deleteQueue: name =>
      call(() => {
        if (broker.deletableQueue(user, name, connection)) broker.deleteQueue(name);
      }),
    purgeQueue: name => call(() => broker.readableQueue(user, name, connection).purge()),
    bindQueue: (queue, exchange, pattern) =>
      call(() => {
        broker.bindQueue(user, queue, exchange, pattern, connection);
      }, 'bindQueue'),
    unbindQueue: (queue, exchange, pattern) =>
      call(() => {
        broker.unbindQueue(user, queue, exchange, pattern, connection);
      }),
    consume: (name, prefetch, onDelivery, onCancelled, priority = 0) =>
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
          priority,
          unacked: 0,
          deliver: queued => {
            const deliveryTag = ++tags;
            unacked.set(deliveryTag, { queue, consumer, queued });
            const { message, redelivered, deliveries } = queued;
            const counted = queue.options.quorum && deliveries > 0;
            const headers = counted
              ? { ...message.headers, 'x-delivery-count': deliveries }
              : message.headers;
            arrive(() => {
              onDelivery({ ...message, headers, redelivered, deliveryTag });
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
      }, 'consume'),
    cancel: tag =>
      call(() => {
        remove(tag);
      }),
    ack: (deliveryTag, upTo) => {
      settle(deliveryTag, 'ack', upTo);
    },
    nack: deliveryTag => {
      settle(deliveryTag, 'requeue');
    },
    reject: (deliveryTag, requeue) => {
      settle(deliveryTag, requeue ? 'requeue' : 'reject');
    },
    publish: (exchange, routingKey, content, { routes, headers: own, messageId, mandatory }, settled) => {
      if (reason) throw reason;
      const headers = { ...(own && deliveredHeaders(own)), ...(routes.length > 0 && { CC: routes }) };
      // A new function for each message, because the caller may pass the same `settled` several times.
      const fail = (error: PulseError) => {
        settled(error);
      };
      unanswered.add(fail);
      faults.publish(() => {
        if (reason) return;
        try {
          faults.check('publish');
          const message = { exchange, routingKey, content, headers, messageId };
          const confirmation = broker.publish(user, message, routes, mandatory);
          toClient(() => {
            if (unanswered.delete(fail)) settled(confirmation);
          });
        } catch (error) {
          end(error as PulseError);
        }
      });
    },
    close: async () => {
      end(new PulseError('connection', 'the channel was closed'));
    },
  };
}

function settleOne({ queue, consumer, queued }: Unacked, fate: 'ack' | 'reject' | 'requeue'): void {
  consumer.unacked--;
  if (fate === 'reject') queue.die(queued, 'rejected');
  if (fate === 'requeue') queue.requeue([queued]);
  else queue.deliver();
}
