import type { ConfirmChannel, Message, Options } from 'amqplib';
import { PulseError } from '../../../errors.ts';
import { Recognised } from '../../recognised.ts';
import type { Confirmation, CopiedProperties, Properties } from '../../transport.ts';
import { copiedProperties, type ChangedHeaders } from '../properties/copied-properties.ts';
import { checkFrameSize } from './frame-size.ts';
import { headerFrameSize, messageFrames, plainProperties } from './publish-frames.ts';

/** The fields of a returned message that amqplib's types do not declare. */
interface BasicReturn {
  readonly exchange: string;
  readonly routingKey: string;
  readonly replyText: string;
}

/** The parts of a channel that amqplib's types do not declare. */
interface Inner {
  readonly ch: number;
  readonly connection: {
    readonly channels: readonly { readonly buffer: { write(frame: Buffer): boolean } }[];
    /** Whether something was sent since the last heartbeat was due. */
    sentSinceLastCheck: boolean;
    sendMessage(): void;
  };
  sendMessage(): void;
  pushConfirmCallback(answered: (error: Error | null) => void): void;
}

const CONFIRMED: Confirmation = { type: 'confirmed' };
const NACKED: Confirmation = { type: 'nacked' };

/** What publishing needs from its connection. */
export interface Publishing {
  /** The user who is logged in, if known. */
  readonly user: string | undefined;
  /** The largest frame that the broker accepts, in bytes. */
  readonly frameMax: number;
}

/**
 * Returns a function that publishes over one channel. It throws amqplib's errors synchronously.
 *
 * `settled` receives the broker's answer, or amqplib's error if there is none.
 */
export function publishing(channel: ConfirmChannel, { user, frameMax }: Publishing) {
  const inner = channel as unknown as Inner;
  /** When a channel or a connection starts to close, amqplib gives it a method of its own that throws. */
  const throwIfClosed = () => {
    for (const each of [inner, inner.connection]) if (Object.hasOwn(each, 'sendMessage')) each.sendMessage();
  };
  /** Mandatory messages. The return of a message arrives before its confirmation. */
  const mandatory = new Recognised<{ returned?: Confirmation }>();
  channel.on('return', ({ fields, properties, content }: Message) => {
    const { exchange, routingKey, replyText } = fields as unknown as BasicReturn;
    const message = mandatory.find({
      exchange,
      routingKey,
      properties: properties,
      content,
    });
    if (message) message.returned = { type: 'returned', reason: replyText };
  });

  return (
    exchange: string,
    routingKey: string,
    content: Uint8Array,
    properties: Properties,
    settled: (answer: Confirmation | Error) => void,
  ) => {
    const shown = properties.mandatory ? { exchange, routingKey, properties, content } : undefined;
    const sent: { returned?: Confirmation } | undefined = shown && {};
    const answered = (error: Error | null) => {
      if (shown) mandatory.delete(shown);
      if (!error) settled(sent?.returned ?? CONFIRMED);
      // amqplib reports both cases as an error.
      else settled(error.message === 'message nacked' ? NACKED : error);
    };
    const encoded = encodedProperties(properties);
    if (encoded) {
      throwIfClosed();
      const message = { exchange, routingKey, content, mandatory: properties.mandatory };
      inner.connection.channels[inner.ch]?.buffer.write(messageFrames(inner.ch, message, encoded, frameMax));
      inner.connection.sentSinceLastCheck = true;
      inner.pushConfirmCallback(answered);
    } else {
      const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content);
      channel.publish(exchange, routingKey, bytes, optionsOf(properties, frameMax), answered);
    }
    if (shown && sent) mandatory.add(shown, sent);
  };

  /** Encodes the properties of a copy and of a message without headers. amqplib encodes those with headers. */
  function encodedProperties({ copied, headers, routes, messageId }: Properties): Buffer | undefined {
    if (copied) return checkedCopy(copied);
    return headers || routes.length > 0 ? undefined : plainProperties(messageId);
  }

  function checkedCopy({ raw, changed }: CopiedProperties): Buffer {
    const copy = copiedProperties(Buffer.from(raw), changed as ChangedHeaders, user);
    const bytes = headerFrameSize(copy);
    if (bytes <= frameMax) return copy;
    throw new PulseError(
      'invalid',
      `the properties of the copy take ${bytes} bytes, but the broker accepts frames of at most ${frameMax} bytes`,
    );
  }
}

function optionsOf({ routes, headers, messageId, mandatory }: Properties, frameMax: number): Options.Publish {
  const options: Options.Publish = {
    persistent: true,
    contentType: 'application/json',
    contentEncoding: 'utf-8',
  };
  if (routes.length > 0) options.CC = [...routes];
  if (headers) options.headers = headers;
  if (messageId !== undefined) options.messageId = messageId;
  if (mandatory) options.mandatory = true;
  checkFrameSize(options, frameMax);
  return options;
}
