import type { ConfirmChannel, Message, Options } from 'amqplib';
import { PulseError } from '../../errors.ts';
import { Recognised } from '../recognised.ts';
import type { Confirmation, CopiedProperties, Properties } from '../transport.ts';
import { copiedProperties, type ChangedHeaders } from './copied-properties.ts';
import { checkFrameSize } from './frame-size.ts';
import { largestFrame, publishFrames, type PlainMessage } from './publish-frames.ts';

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
    sendContent(channel: number, content: Buffer): boolean;
    /** Whether something was sent since the last heartbeat was due. */
    sentSinceLastCheck: boolean;
  };
  /** Throws if the channel is closed or closing. */
  sendImmediately(method: number, fields: object): boolean;
  pushConfirmCallback(answered: (error: Error | null) => void): void;
}

const CONFIRMED: Confirmation = { type: 'confirmed' };
const NACKED: Confirmation = { type: 'nacked' };
/** amqplib's id of the method basic.publish. */
const BASIC_PUBLISH = 0x3c0028;

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
  const isOpen = () => ![inner, inner.connection].some(object => Object.hasOwn(object, 'sendMessage'));
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
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content);
    const shown = properties.mandatory ? { exchange, routingKey, properties, content } : undefined;
    const sent: { returned?: Confirmation } | undefined = shown && {};
    const answered = (error: Error | null) => {
      if (shown) mandatory.delete(shown);
      if (!error) settled(sent?.returned ?? CONFIRMED);
      // amqplib reports both cases as an error.
      else settled(error.message === 'message nacked' ? NACKED : error);
    };
    const { copied, headers, routes, messageId, mandatory: isMandatory } = properties;
    const plain = { exchange, routingKey, content, messageId, mandatory: isMandatory };
    if (copied) {
      const method = { exchange, routingKey, mandatory: isMandatory };
      sendCopy(method, copied, bytes, answered);
    } else if (!headers && routes.length === 0 && largestFrame(plain) <= frameMax && isOpen()) {
      sendPlain(plain, answered);
    } else {
      channel.publish(exchange, routingKey, bytes, optionsOf(properties, frameMax), answered);
    }
    if (shown && sent) mandatory.add(shown, sent);
  };

  function sendPlain(message: PlainMessage, answered: (error: Error | null) => void): void {
    inner.connection.channels[inner.ch]?.buffer.write(publishFrames(inner.ch, message));
    inner.connection.sentSinceLastCheck = true;
    inner.pushConfirmCallback(answered);
  }

  function sendCopy(
    method: object,
    { raw, changed }: CopiedProperties,
    content: Buffer,
    answered: (error: Error | null) => void,
  ): void {
    const copy = copiedProperties(Buffer.from(raw), changed as ChangedHeaders, user);
    const frame = headerFrame(inner.ch, content.length, copy);
    if (frame.length > frameMax) {
      throw new PulseError(
        'invalid',
        `the properties of the copy take ${frame.length} bytes, but the broker accepts frames of at most ${frameMax} bytes`,
      );
    }
    inner.sendImmediately(BASIC_PUBLISH, method);
    inner.connection.channels[inner.ch]?.buffer.write(frame);
    inner.connection.sendContent(inner.ch, content);
    inner.pushConfirmCallback(answered);
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

function headerFrame(channel: number, bodyBytes: number, properties: Buffer): Buffer {
  const head = Buffer.alloc(19);
  head.writeUInt8(2, 0);
  head.writeUInt16BE(channel, 1);
  head.writeUInt32BE(12 + properties.length, 3);
  head.writeUInt16BE(60, 7);
  head.writeBigUInt64BE(BigInt(bodyBytes), 11);
  return Buffer.concat([head, properties, Buffer.from([0xce])]);
}
