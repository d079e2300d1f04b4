import type { Channel, ConfirmChannel, ConsumeMessage, Message, Options } from 'amqplib';
import { PulseError } from '../errors.ts';
import { Recognised } from '../recognised.ts';
import type { Confirmation, Delivery, QueueOptions, TransportChannel } from '../transport.ts';
import { UnansweredError, type Answered } from './answered.ts';
import type { BasicProperties, Unreadable } from './basic-properties.ts';
import { breakDeadLetters } from './dead-letters.ts';
import { channelError } from './errors.ts';
import { checkFrameSize } from './frame-size.ts';

/** What amqplib's types do not show of a message that came back. */
interface BasicReturn {
  readonly exchange: string;
  readonly routingKey: string;
  readonly replyText: string;
}

const CONFIRMED: Confirmation = { type: 'confirmed' };
const NACKED: Confirmation = { type: 'nacked' };

/** What a channel needs of its connection. */
export interface ChannelSurroundings {
  /** What ended the connection, once something has. */
  readonly reason: () => PulseError | undefined;
  /** Told of each message that was handed to amqplib. */
  readonly published: () => void;
  /** The longest frame that the broker takes, in bytes. */
  readonly frameMax: number;
  readonly answered: Answered;
}

/**
 * One channel over amqplib.
 *
 * amqplib throws, synchronously, from a call on a closed channel, and tells the broker's reason only on the
 * `error` event, which comes before the call's own failure: each call here ends with that reason, as a rejected promise.
 *
 * A call that the broker does not answer ends the channel too.
 */
export function amqpChannel(
  channel: Channel | ConfirmChannel,
  { reason: connectionReason, published, frameMax, answered }: ChannelSurroundings,
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

  /** Mandatory messages. A return comes before its message's confirmation. */
  const mandatory = new Recognised<{ returned?: Confirmation }>();
  channel.on('return', ({ fields, properties, content }: Message) => {
    const { exchange, routingKey, replyText } = fields as unknown as BasicReturn;
    const message = mandatory.find({
      exchange,
      routingKey,
      properties: properties as BasicProperties,
      content,
    });
    if (message) message.returned = { type: 'returned', reason: replyText };
  });

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
  // Rejects when it is closed already, and never settles when the connection ends first.
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
        const { routes, headers, messageId } = properties;
        const shown = { exchange, routingKey, properties, content };
        const sent: { returned?: Confirmation } = {};
        const options: Options.Publish = {
          persistent: true,
          contentType: 'application/json',
          contentEncoding: 'utf-8',
        };
        if (routes.length > 0) options.CC = [...routes];
        if (headers) options.headers = headers;
        if (messageId !== undefined) options.messageId = messageId;
        if (properties.mandatory) options.mandatory = true;
        checkFrameSize(options, frameMax);
        const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content);
        (channel as ConfirmChannel).publish(exchange, routingKey, bytes, options, (error: Error | null) => {
          if (properties.mandatory) mandatory.delete(shown);
          if (!error) settled(sent.returned ?? CONFIRMED);
          // amqplib says both with an error, and a closed channel is what `reason` tells of.
          else settled(error.message === 'message nacked' ? NACKED : (reason ?? channelError(error)));
        });
        if (properties.mandatory) mandatory.add(shown, sent);
        published();
      });
    },
    close: async () => {
      close();
      await answered(closed).catch(end);
    },
  };
}

/** amqplib asks for a whole message where the protocol has only its tag. */
function delivered(deliveryTag: number): Message {
  return { fields: { deliveryTag } } as Message;
}

function deliveryFrom({ fields, properties, content }: ConsumeMessage): Delivery {
  const { deliveryTag, redelivered, exchange, routingKey } = fields;
  const { headers = {}, messageId, unreadable } = properties as BasicProperties & Partial<Unreadable>;
  const { breaksDeadLetters = breakDeadLetters(headers) } = properties as Partial<Unreadable>;
  return {
    ...{ deliveryTag, redelivered, exchange, routingKey, content, headers, messageId },
    ...{ unreadable, breaksDeadLetters },
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
