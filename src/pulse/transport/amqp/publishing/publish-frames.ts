/**
 * `basic.publish` with a content header and a body, as in the AMQP 0-9-1 specification. Each frame is its type, its
 * channel, the length of its payload, the payload, and an end octet.
 */
const METHOD = 1;
const HEADER = 2;
const BODY = 3;
const END = 0xce;
const BASIC = 60;
const PUBLISH = 40;
/** The bytes of a frame around its payload. */
const FRAME_BYTES = 8;
/** Class, method and a reserved field of two octets each, the lengths of two short strings, and the flags. */
const METHOD_BYTES = 9;
/** Class and weight of two octets each, and the size of the body in eight octets. */
const HEAD_BYTES = 12;

const CONTENT_TYPE = 0x8000;
const CONTENT_ENCODING = 0x4000;
const HEADERS = 0x2000;
const DELIVERY_MODE = 0x1000;
const MESSAGE_ID = 0x80;
const FLAGS = CONTENT_TYPE | CONTENT_ENCODING | HEADERS | DELIVERY_MODE;

/** The properties that all messages have: their types, an empty table of headers, and persistence. */
const COMMON = Buffer.concat([
  shortString('application/json'),
  shortString('utf-8'),
  Buffer.from([0, 0, 0, 0, 2]),
]);
const WITHOUT_ID = Buffer.concat([flags(FLAGS), COMMON]);

export interface FramedMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Uint8Array;
  readonly mandatory: boolean | undefined;
}

/** Returns the properties of a message without headers, as they are encoded, with their flags. */
export function plainProperties(messageId: string | undefined): Buffer {
  if (messageId === undefined) return WITHOUT_ID;
  return Buffer.concat([flags(FLAGS | MESSAGE_ID), COMMON, shortString(messageId)]);
}

/** Returns the size of the frame with a message's properties, in bytes. */
export function headerFrameSize(properties: Buffer): number {
  return FRAME_BYTES + HEAD_BYTES + properties.length;
}

/**
 * Returns all frames of a message, in one buffer. amqplib encodes them separately, property by property, which takes
 * longer than everything else about publishing a small message.
 *
 * @param message its names must be valid short strings
 * @param properties the encoded properties with their flags, which must fit into a frame
 * @param frameMax the largest frame that the broker accepts, in bytes. A longer body takes several frames
 */
export function messageFrames(
  channel: number,
  { exchange, routingKey, content, mandatory }: FramedMessage,
  properties: Buffer,
  frameMax: number,
): Buffer {
  const exchangeBytes = Buffer.byteLength(exchange);
  const keyBytes = Buffer.byteLength(routingKey);
  const methodBytes = METHOD_BYTES + exchangeBytes + keyBytes;
  const bodyBytes = content.byteLength;
  const pieceBytes = frameMax - FRAME_BYTES;
  const bodyFrames = Math.ceil(bodyBytes / pieceBytes);
  const all = Buffer.allocUnsafe(
    FRAME_BYTES + methodBytes + headerFrameSize(properties) + bodyFrames * FRAME_BYTES + bodyBytes,
  );

  let at = startFrame(all, 0, METHOD, channel, methodBytes);
  at = all.writeUInt32BE((BASIC << 16) | PUBLISH, at);
  at = all.writeUInt16BE(0, at);
  at = writeShortString(all, at, exchange, exchangeBytes);
  at = writeShortString(all, at, routingKey, keyBytes);
  at = all.writeUInt8(mandatory ? 1 : 0, at);
  at = all.writeUInt8(END, at);

  at = startFrame(all, at, HEADER, channel, HEAD_BYTES + properties.length);
  at = all.writeUInt32BE(BASIC << 16, at);
  // The upper half of the size. A body of 4 GiB does not fit into a buffer that is written at once.
  at = all.writeUInt32BE(0, at);
  at = all.writeUInt32BE(bodyBytes, at);
  at += properties.copy(all, at);
  at = all.writeUInt8(END, at);

  for (let from = 0; from < bodyBytes; from += pieceBytes) {
    const piece = content.subarray(from, from + pieceBytes);
    at = startFrame(all, at, BODY, channel, piece.byteLength);
    all.set(piece, at);
    at = all.writeUInt8(END, at + piece.byteLength);
  }
  return all;
}

function startFrame(into: Buffer, at: number, type: number, channel: number, bytes: number): number {
  at = into.writeUInt8(type, at);
  at = into.writeUInt16BE(channel, at);
  return into.writeUInt32BE(bytes, at);
}

function writeShortString(into: Buffer, at: number, text: string, bytes: number): number {
  at = into.writeUInt8(bytes, at);
  return at + into.write(text, at);
}

function shortString(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function flags(all: number): Buffer {
  return Buffer.from([all >> 8, all & 0xff]);
}
