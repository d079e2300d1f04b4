import type { Channel, ConfirmChannel } from 'amqplib';
import { PulseError } from '../errors.ts';
import type { QueueOptions, TransportChannel } from '../transport.ts';
import { channelError } from './errors.ts';

/**
 * One channel over amqplib.
 *
 * amqplib throws, synchronously, from a call on a closed channel, and tells the broker's reason only on the
 * `error` event: each call here ends with that reason, as a rejected promise.
 */
export function amqpChannel(
  channel: Channel | ConfirmChannel,
  connectionClosed: Promise<PulseError>,
): TransportChannel {
  let reason: PulseError | undefined;
  const closed = new Promise<PulseError>(resolve => {
    const end = (error: PulseError) => {
      reason ??= error;
      resolve(reason);
    };
    channel.on('error', error => {
      end(channelError(error));
    });
    channel.on('close', () => {
      end(new PulseError('connection', 'the channel was closed'));
    });
    void connectionClosed.then(end);
  });

  const call = async <T>(action: () => Promise<T>): Promise<T> => {
    try {
      return await action();
    } catch (error) {
      // The reason comes with an event in the same turn as the rejection, or a moment later.
      const timely = await Promise.race([closed, new Promise(resolve => setImmediate(resolve))]);
      throw timely instanceof PulseError ? timely : channelError(error);
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
    declareQueue: (name, options) =>
      call(async () => void (await channel.assertQueue(name, queueArguments(options)))),
    declareExchange: name =>
      call(async () => void (await channel.assertExchange(name, 'topic', { durable: true }))),
    bindQueue: (queue, exchange, pattern) =>
      call(async () => void (await channel.bindQueue(queue, exchange, pattern))),
    consume: (queue, prefetch, onDelivery, onCancelled) =>
      call(async () => {
        await channel.prefetch(prefetch);
        const { consumerTag } = await channel.consume(queue, message => {
          if (message === null) {
            onCancelled();
            return;
          }
          onDelivery({
            deliveryTag: message.fields.deliveryTag,
            redelivered: message.fields.redelivered,
            exchange: message.fields.exchange,
            routingKey: message.fields.routingKey,
            content: message.content,
            headers: message.properties.headers ?? {},
          });
        });
        return consumerTag;
      }),
    cancel: consumerTag => call(async () => void (await channel.cancel(consumerTag))),
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
            (channel as ConfirmChannel).publish(
              exchange,
              routingKey,
              Buffer.from(content),
              options,
              (error: unknown) => {
                if (error)
                  reject(error instanceof Error ? error : new Error('the broker did not take the message'));
                else resolve();
              },
            );
          }),
      ),
    close: () => channel.close().catch(() => undefined),
  };
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
