import { readProperties, type BasicProperties, type Unreadable } from './basic-properties.ts';

/** The decoded properties of a message, and their bytes. */
export type ReadProperties = BasicProperties & Partial<Unreadable> & { readonly raw?: Buffer };

/** The part of amqplib's `Connection` that reads frames. Its types do not declare it. */
export interface FrameReader {
  /** Bytes that were received but not read yet. */
  rest: Buffer;
  /** Returns the next frame, or false while none is complete. */
  recvFrame(): unknown;
}

const HEADER_FRAME = 2;
const FRAME_END = 0xce;
/** Type, channel and length of a frame. */
const FRAME_HEAD = 7;
/** Size of class, weight and body length, which precede the properties. */
const CONTENT_HEAD = 12;
/** The AMQP class of messages, which is also amqplib's id for their header frames. */
const BASIC = 60;
const OF_ANOTHER_CLASS: Unreadable = {
  unreadable: 'its properties cannot be read: they belong to another class than messages',
  breaksDeadLetters: false,
};

/**
 * Replaces amqplib's reading of message headers on a connection.
 *
 * If amqplib cannot decode headers, it throws between two frames, which ends the connection. The message is delivered
 * again and again, and each time it ends all consumers of the connection. Here, it becomes a message whose properties
 * are {@link Unreadable}. amqplib still reads all other frames, including malformed header frames.
 */
export function readHeaderFrames(connection: FrameReader): void {
  const others = connection.recvFrame.bind(connection);
  // amqplib's function calls itself under this name after it has read more bytes.
  connection.recvFrame = () => {
    const { rest } = connection;
    if (rest.length < FRAME_HEAD || rest[0] !== HEADER_FRAME) return others();
    const end = FRAME_HEAD + rest.readUInt32BE(3);
    if (rest[end] !== FRAME_END || end < FRAME_HEAD + CONTENT_HEAD) return others();
    connection.rest = rest.subarray(end + 1);
    return {
      id: BASIC,
      channel: rest.readUInt16BE(1),
      size: Number(rest.readBigUInt64BE(FRAME_HEAD + 4)),
      fields:
        rest.readUInt16BE(FRAME_HEAD) === BASIC
          ? propertiesIn(rest.subarray(FRAME_HEAD + CONTENT_HEAD, end))
          : OF_ANOTHER_CLASS,
    };
  };
}

function propertiesIn(raw: Buffer): ReadProperties {
  return Object.assign(readProperties(raw), { raw });
}
