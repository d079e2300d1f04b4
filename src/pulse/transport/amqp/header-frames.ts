import { readProperties, type BasicProperties, type Unreadable } from './basic-properties.ts';

/** The properties of a message, and their bytes. */
export type ReadProperties = BasicProperties & Partial<Unreadable> & { readonly raw?: Buffer };

/** What of amqplib's `Connection` reads frames. Its types do not show it. */
export interface FrameReader {
  /** What has come and was not read yet. */
  rest: Buffer;
  /** The next frame, or false while none is whole. */
  recvFrame(): unknown;
}

const HEADER_FRAME = 2;
const FRAME_END = 0xce;
/** Type, channel and length of a frame. */
const FRAME_HEAD = 7;
/** Class, weight and the length of the body, which precede the properties. */
const CONTENT_HEAD = 12;
/** The class of messages, and amqplib's name for their headers. */
const BASIC = 60;
const OF_ANOTHER_CLASS: Unreadable = {
  unreadable: 'its properties cannot be read: they belong to another class than messages',
  breaksDeadLetters: false,
};

/**
 * Reads the headers of messages instead of amqplib, from now on.
 *
 * What amqplib cannot read throws between two frames, and that ends the connection: the message comes again, for ever, and
 * takes every consumer of the connection with it. Read here, it is a message whose properties are {@link Unreadable}.
 * All other frames are still amqplib's, and so is a header frame that is broken as a frame.
 */
export function readHeaderFrames(connection: FrameReader): void {
  const others = connection.recvFrame.bind(connection);
  // It calls itself by this name when it has read more bytes.
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
