import type { Channel, ConfirmChannel, ConsumeMessage, Message, Options } from 'amqplib';
import { PulseError } from '../../errors.ts';
import type { Delivery, QueueOptions, TransportChannel } from '../transport.ts';
import { UnansweredError, type Answered } from './answered.ts';
import { breakDeadLetters } from './properties/dead-letters.ts';
import { channelError } from './errors.ts';
import type { ReadProperties } from './properties/header-frames.ts';
import { publishing, type Publishing } from './publishing/publishing.ts';

/** What a channel needs from its connection. */
export interface ChannelSurroundings extends Publishing {
  /** Returns why the connection ended, or undefined while it is open. */
  readonly reason: () => PulseError | undefined;
  /** Called for each message that was passed to amqplib. */
  readonly published: () => void;
  readonly answered: Answered;
}

/**
 * One channel over amqplib.
 *
 * amqplib throws synchronously from a call on a closed channel. It reports the broker's reason only with the `error`
 * event, which comes before the failure of the call. Here, each failed call rejects with that reason.
 *
 * If the broker does not answer a call, the channel ends too.
 */
export function amqpChannel(
  channel: Channel | ConfirmChannel,
  { reason: connectionReason, published, user, frameMax, answered }: ChannelSurroundings,
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

  const publish = publishing(channel as ConfirmChannel, { user, frameMax });
  const call = async <T>(action: () => Promise<T>): Promise<T> => {
    try {
      return await answered(action());
    } catch (error) {
      if (error instanceof UnansweredError) {
        end(error);
        close();
      }
      throw reason ?? channelError(error);
    }
  };
  // `channel.close` rejects if the channel is already closed, and never settles if the connection ends first.
  const close = () => void channel.close().catch(() => undefined);
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
    checkQueue: async name => {
      const { messageCount, consumerCount } = await call(() => channel.checkQueue(name));
      return { messages: messageCount, consumers: consumerCount };
    },
    deleteQueue: async name => {
      await call(() => channel.deleteQueue(name));
    },
    purgeQueue: async name => (await call(() => channel.purgeQueue(name))).messageCount,
    bindQueue: async (queue, exchange, pattern) => {
      await call(() => channel.bindQueue(queue, exchange, pattern));
    },
    unbindQueue: async (queue, exchange, pattern) => {
      await call(() => channel.unbindQueue(queue, exchange, pattern));
    },
    consume: (queue, prefetch, onDelivery, onCancelled, priority) =>
      call(async () => {
        await channel.prefetch(prefetch);
        const receive = (message: ConsumeMessage | null) => {
          if (message) onDelivery(deliveryFrom(message));
          else onCancelled();
        };
        const options = priority === undefined ? {} : { priority };
        const { consumerTag } = await channel.consume(queue, receive, options);
        return consumerTag;
      }),
    cancel: async consumerTag => {
      await call(() => channel.cancel(consumerTag));
    },
    ack: (deliveryTag, upTo = false) => {
      now(() => {
        channel.ack(delivered(deliveryTag), upTo);
      });
    },
    nack: deliveryTag => {
      now(() => {
        channel.nack(delivered(deliveryTag), false, true);
      });
    },
    reject: (deliveryTag, requeue) => {
      now(() => {
        channel.reject(delivered(deliveryTag), requeue);
      });
    },
    publish: (exchange, routingKey, content, properties, settled) => {
      now(() => {
        publish(exchange, routingKey, content, properties, answer => {
          // If the channel was closed, `reason` is the better error.
          settled(answer instanceof Error ? (reason ?? channelError(answer)) : answer);
        });
        published();
      });
    },
    close: async () => {
      close();
      await answered(closed).catch(end);
    },
  };
}

/** amqplib requires a whole message where the protocol needs only its tag. */
function delivered(deliveryTag: number): Message {
  return { fields: { deliveryTag } } as Message;
}

function deliveryFrom({ fields, properties, content }: ConsumeMessage): Delivery {
  const { deliveryTag, redelivered, exchange, routingKey } = fields;
  const { headers = {}, messageId, raw, unreadable } = properties as ReadProperties;
  const { breaksDeadLetters = breakDeadLetters(headers) } = properties as ReadProperties;
  return {
    ...{ deliveryTag, redelivered, exchange, routingKey, content, headers, messageId },
    ...{ raw, unreadable, breaksDeadLetters },
  };
}

function queueArguments(options: QueueOptions): Options.AssertQueue {
  const { exclusive, durable, autoDelete, expiresMs, maxLength } = options;
  const { overflow, quorum, deliveryLimit, deadLetterExchange } = options;
  return {
    exclusive,
    durable,
    autoDelete,
    ...(expiresMs !== undefined && { expires: expiresMs }),
    ...(maxLength !== undefined && { maxLength }),
    ...(overflow !== undefined && { overflow }),
    ...(deadLetterExchange !== undefined && { deadLetterExchange }),
    arguments: {
      ...(quorum && { 'x-queue-type': 'quorum' }),
      ...(deliveryLimit !== undefined && { 'x-delivery-limit': deliveryLimit }),
    },
  };
}
