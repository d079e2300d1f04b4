import { mayBreakDeadLetters } from './dead-letters.ts';
import { ByteReader, UnreadableError } from './byte-reader.ts';
import { readTable } from './field-table.ts';

/** The AMQP properties of a message, in the order of the wire and with amqplib's names. */
export interface BasicProperties {
  contentType?: string;
  contentEncoding?: string;
  headers?: Record<string, unknown>;
  deliveryMode?: number;
  priority?: number;
  correlationId?: string;
  replyTo?: string;
  expiration?: string;
  messageId?: string;
  timestamp?: number | bigint;
  type?: string;
  userId?: string;
  appId?: string;
  clusterId?: string;
}

/** The reason why properties could not be decoded, in place of the properties. */
export interface Unreadable {
  readonly unreadable: string;
  readonly breaksDeadLetters: boolean;
}

type Text = Exclude<keyof BasicProperties, 'headers' | 'deliveryMode' | 'priority' | 'timestamp'>;

/**
 * Decodes the properties of a message. Never throws: a message with undecodable properties is still a (bad) message.
 */
export function readProperties(bytes: Buffer): BasicProperties | Unreadable {
  try {
    return read(new ByteReader(bytes));
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    const unreadable = `its properties cannot be read: ${error.message}`;
    return { unreadable, breaksDeadLetters: mayBreakDeadLetters(bytes) };
  }
}

function read(from: ByteReader): BasicProperties {
  const flags = from.uint16();
  const properties: BasicProperties = {};
  const text = (flag: number, name: Text) => {
    if (flags & flag) properties[name] = from.shortString();
  };
  text(0x8000, 'contentType');
  text(0x4000, 'contentEncoding');
  if (flags & 0x2000) properties.headers = readTable(from);
  if (flags & 0x1000) properties.deliveryMode = from.uint8();
  if (flags & 0x800) properties.priority = from.uint8();
  text(0x400, 'correlationId');
  text(0x200, 'replyTo');
  text(0x100, 'expiration');
  text(0x80, 'messageId');
  if (flags & 0x40) properties.timestamp = from.uint64();
  text(0x20, 'type');
  text(0x10, 'userId');
  text(0x8, 'appId');
  text(0x4, 'clusterId');
  if (flags & 0x3) throw new UnreadableError('they have flags that AMQP has not');
  if (!from.done) throw new UnreadableError('there is more of them than their flags tell');
  return properties;
}
