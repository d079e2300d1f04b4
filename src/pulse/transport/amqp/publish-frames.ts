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
/** Class, weight and flags of two octets each, and the size of the body in eight octets. */
const HEAD_BYTES = 14;

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

/** A message without headers. */
export interface PlainMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Uint8Array;
  readonly messageId: string | undefined;
  readonly mandatory: boolean | undefined;
}

/** Returns the size of the largest of a message's frames. */
export function largestFrame({ content }: PlainMessage): number {
  // The method and the header of a message without headers always fit: they consist of a few short strings.
  return content.byteLength + FRAME_BYTES;
}

/**
 * Returns all frames of a message, in one buffer. amqplib encodes them separately, property by property, which takes
 * longer than everything else about publishing a small message.
 *
 * The names must be valid short strings.
 */
export function publishFrames(channel: number, message: PlainMessage): Buffer {
  const { exchange, routingKey, content, messageId, mandatory } = message;
  const exchangeBytes = Buffer.byteLength(exchange);
  const keyBytes = Buffer.byteLength(routingKey);
  const idBytes = messageId === undefined ? 0 : 1 + Buffer.byteLength(messageId);
  const bodyBytes = content.byteLength;
  const methodBytes = METHOD_BYTES + exchangeBytes + keyBytes;
  const headerBytes = HEAD_BYTES + COMMON.length + idBytes;
  const bodyFrames = bodyBytes === 0 ? 0 : FRAME_BYTES + bodyBytes;
  const all = Buffer.allocUnsafe(2 * FRAME_BYTES + methodBytes + headerBytes + bodyFrames);

  let at = startFrame(all, 0, METHOD, channel, methodBytes);
  at = all.writeUInt32BE((BASIC << 16) | PUBLISH, at);
  at = all.writeUInt16BE(0, at);
  at = writeShortString(all, at, exchange, exchangeBytes);
  at = writeShortString(all, at, routingKey, keyBytes);
  at = all.writeUInt8(mandatory ? 1 : 0, at);
  at = all.writeUInt8(END, at);

  at = startFrame(all, at, HEADER, channel, headerBytes);
  at = all.writeUInt32BE(BASIC << 16, at);
  // The upper half of the size. Larger bodies than 4 GiB do not fit into a buffer that is written at once.
  at = all.writeUInt32BE(0, at);
  at = all.writeUInt32BE(bodyBytes, at);
  at = all.writeUInt16BE(messageId === undefined ? FLAGS : FLAGS | MESSAGE_ID, at);
  at += COMMON.copy(all, at);
  if (messageId !== undefined) at = writeShortString(all, at, messageId, idBytes - 1);
  at = all.writeUInt8(END, at);

  if (bodyBytes === 0) return all;
  at = startFrame(all, at, BODY, channel, bodyBytes);
  all.set(content, at);
  all.writeUInt8(END, at + bodyBytes);
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
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
}
