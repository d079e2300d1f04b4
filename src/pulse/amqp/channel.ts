import type { Channel, ConfirmChannel, ConsumeMessage } from 'amqplib';
import { PulseError } from '../errors.ts';
import type { Delivery, QueueOptions, TransportChannel } from '../transport.ts';
import { channelError } from './errors.ts';

/**
 * One channel over amqplib.
 *
 * amqplib throws, synchronously, from a call on a closed channel, and tells the broker's reason only on the
 * `error` event, which comes before the call's own failure: each call here ends with that reason, as a rejected promise.
 *
 * @param connectionReason what ended the connection, once something has
 */
export function amqpChannel(
  channel: Channel | ConfirmChannel,
  connectionReason: () => PulseError | undefined,
): TransportChannel {
  const { promise: closed, resolve } = Promise.withResolvers<PulseError>();
  let reason: PulseError | undefined;
  const end = (error: PulseError) => {
    reason ??= error;
    resolve(reason);
  };
  channel.on('error', error => {
    end(channelError(error));
  });
  channel.on('close', () => {
    end(connectionReason() ?? new PulseError('connection', 'the channel was closed'));
  });

  const call = async <T>(action: () => Promise<T>): Promise<T> => {
    try {
      return await action();
    } catch (error) {
      throw reason ?? channelError(error);
    }
  };
  const now = (action: () => void) => {
    try {
      action();
    } catch (error) {
      throw reason ?? channelError(error);
    }
  };

  return {
    closed,
    declareQueue: async (name, options) => {
      await call(() => channel.assertQueue(name, queueArguments(options)));
    },
    declareExchange: async name => {
      await call(() => channel.assertExchange(name, 'topic', { durable: true }));
    },
    bindQueue: async (queue, exchange, pattern) => {
      await call(() => channel.bindQueue(queue, exchange, pattern));
    },
    consume: (queue, prefetch, onDelivery, onCancelled) =>
      call(async () => {
        await channel.prefetch(prefetch);
        const { consumerTag } = await channel.consume(queue, message => {
          if (message) onDelivery(deliveryFrom(message));
          else onCancelled();
        });
        return consumerTag;
      }),
    cancel: async consumerTag => {
      await call(() => channel.cancel(consumerTag));
    },
    ack: deliveryTag => {
      now(() => {
        channel.ack({ fields: { deliveryTag } } as Parameters<Channel['ack']>[0]);
      });
    },
    nack: (deliveryTag, requeue) => {
      now(() => {
        channel.nack({ fields: { deliveryTag } } as Parameters<Channel['nack']>[0], false, requeue);
      });
    },
    publish: (exchange, routingKey, content, { routes, headers }) =>
      call(
        () =>
          new Promise<void>((resolve, reject) => {
            const options = {
              persistent: true,
              contentType: 'application/json',
              contentEncoding: 'utf-8',
              ...(routes.length > 0 && { CC: [...routes] }),
              ...(headers && { headers }),
            };
            const confirmed = (error: Error | null) => {
              if (error) reject(error);
              else resolve();
            };
            (channel as ConfirmChannel).publish(
              exchange,
              routingKey,
              Buffer.from(content),
              options,
              confirmed,
            );
          }),
      ),
    close: async () => {
      // Rejects when it is closed already, and never settles when the connection ends first.
      channel.close().catch(() => undefined);
      await closed;
    },
  };
}

function deliveryFrom({ fields, properties, content }: ConsumeMessage): Delivery {
  const { deliveryTag, redelivered, exchange, routingKey } = fields;
  return { deliveryTag, redelivered, exchange, routingKey, content, headers: properties.headers ?? {} };
}

function queueArguments({ exclusive, durable, autoDelete, expiresMs, maxLength }: QueueOptions) {
  return {
    exclusive,
    durable,
    autoDelete,
    ...(expiresMs !== undefined && { expires: expiresMs }),
    ...(maxLength !== undefined && { maxLength }),
  };
}
