import { NEVER, startWith } from 'rxjs';
import { PulseError } from '../errors.ts';
import type { Login, Transport, TransportChannel, TransportConnection } from '../transport.ts';
import type { MemoryBroker } from './broker.ts';
import type { MemoryConsumer, MemoryQueue, StoredMessage } from './queue.ts';

/** The way to a {@link MemoryBroker}: the same interface as AMQP, the same errors, no network between. */
export function memoryTransport(broker: MemoryBroker): Transport {
  return {
    async connect({ user, password }: Login) {
      broker.login(user, password.reveal());
      return memoryConnection(broker, user);
    },
  };
}

function memoryConnection(broker: MemoryBroker, user: string): TransportConnection {
  const identity = {};
  const channels = new Set<TransportChannel>();
  const { promise: closed, resolve: end } = Promise.withResolvers<PulseError>();
  let open = true;
  const close = async () => {
    open = false;
    await Promise.all([...channels].map(channel => channel.close()));
    broker.releaseConnection(identity);
    end(new PulseError('connection', 'the connection was closed'));
  };
  broker.onDrop(closed, close);
  return {
    closed,
    close,
    blocked$: NEVER.pipe(startWith(undefined)),
    async openChannel() {
      if (!open) throw new PulseError('connection', 'the connection is closed');
      const channel = memoryChannel(broker, user, identity);
      channels.add(channel);
      void channel.closed.then(() => channels.delete(channel));
      return channel;
    },
  };
}

interface Unacked {
  readonly queue: MemoryQueue;
  readonly consumer: MemoryConsumer;
  readonly message: StoredMessage;
}

function memoryChannel(broker: MemoryBroker, user: string, connection: object): TransportChannel {
  const { promise: closed, resolve } = Promise.withResolvers<PulseError>();
  const unacked = new Map<number, Unacked>();
  const consumers = new Map<string, { queue: MemoryQueue; consumer: MemoryConsumer }>();
  let reason: PulseError | undefined;
  let tags = 0;

  const end = (error: PulseError) => {
    if (reason) return;
    reason = error;
    for (const tag of [...consumers.keys()]) remove(tag);
    const returned = new Map<MemoryQueue, StoredMessage[]>();
    for (const { queue, message } of unacked.values()) {
      returned.set(queue, [...(returned.get(queue) ?? []), message]);
    }
    unacked.clear();
    for (const [queue, messages] of returned) queue.requeue(messages);
    resolve(error);
  };
  const remove = (tag: string) => {
    const entry = consumers.get(tag);
    consumers.delete(tag);
    entry?.queue.removeConsumer(entry.consumer);
  };
  /** As at RabbitMQ, a refused call costs the channel. */
  const call = async <T>(action: () => T): Promise<T> => {
    if (reason) throw reason;
    try {
      return action();
    } catch (error) {
      end(error as PulseError);
      throw error;
    }
  };
  const settle = (deliveryTag: number, requeue: boolean) => {
    if (reason) throw reason;
    const entry = unacked.get(deliveryTag);
    if (!entry) {
      end(new PulseError('mismatch', `unknown delivery tag ${deliveryTag} (406)`));
      return;
    }
    unacked.delete(deliveryTag);
    entry.consumer.unacked--;
    if (requeue) entry.queue.requeue([entry.message]);
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
        broker.bindQueue(user, queue, exchange, pattern);
      }),
    consume: (name, prefetch, onDelivery, onCancelled) =>
      call(() => {
        const queue = broker.readableQueue(user, name, connection);
        const consumer: MemoryConsumer = {
          prefetch,
          unacked: 0,
          deliver: message => {
            const deliveryTag = ++tags;
            unacked.set(deliveryTag, { queue, consumer, message });
            onDelivery({ ...message, deliveryTag });
          },
          cancelled: onCancelled,
        };
        const tag = `consumer-${++tags}`;
        consumers.set(tag, { queue, consumer });
        // The confirmation reaches the client before the first delivery does.
        setImmediate(() => {
          if (!consumers.has(tag)) return;
          queue.consumers.push(consumer);
          queue.deliver();
        });
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
    publish: (exchange, routingKey, content, { routes, headers }) =>
      call(() => {
        const all = { ...headers, ...(routes.length > 0 && { CC: routes }) };
        broker.publish(user, { exchange, routingKey, content, headers: all, redelivered: false }, routes);
      }),
    close: async () => {
      end(new PulseError('connection', 'the channel was closed'));
    },
  };
}
