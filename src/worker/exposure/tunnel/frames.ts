/**
 * A frame of websocktunnel's protocol (wsmux). Each frame is one binary WebSocket message: a byte for its type, the id
 * of a stream as an unsigned 32-bit number (little-endian), then the payload.
 */
export type Frame =
  /** Opens a stream. */
  | { readonly type: 'syn'; readonly stream: number }
  | { readonly type: 'data'; readonly stream: number; readonly data: Buffer }
  /**
   * The first ACK of a stream accepts the stream and announces the size of the receiver's buffer. Each later ACK says
   * how many bytes the receiver has consumed since the previous one.
   */
  | { readonly type: 'ack'; readonly stream: number; readonly bytes: number }
  /** Half-closes a stream: the sender of the frame sends no more data. */
  | { readonly type: 'fin'; readonly stream: number };

/** The size of a frame's header, in bytes. */
export const HEADER_BYTES = 5;
const ACK_BYTES = HEADER_BYTES + 4;

const TYPES = ['data', 'syn', 'ack', 'fin'] as const satisfies readonly Frame['type'][];

/** A message is not a valid frame. The connection cannot be trusted any more. */
export class MalformedFrame extends Error {
  override readonly name = 'MalformedFrame';
}

/**
 * Parses one binary message.
 *
 * @throws MalformedFrame
 */
export function readFrame(message: Buffer): Frame {
  if (message.length < HEADER_BYTES) throw new MalformedFrame(`a frame of ${message.length} bytes`);
  const type = TYPES[message.readUInt8(0)];
  const stream = message.readUInt32LE(1);
  switch (type) {
    case 'data':
      return { type, stream, data: message.subarray(HEADER_BYTES) };
    case 'ack':
      if (message.length !== ACK_BYTES) throw new MalformedFrame(`an ACK of ${message.length} bytes`);
      return { type, stream, bytes: message.readUInt32LE(HEADER_BYTES) };
    case 'syn':
    case 'fin':
      if (message.length !== HEADER_BYTES)
        throw new MalformedFrame(`a ${type.toUpperCase()} of ${message.length} bytes`);
      return { type, stream };
    default:
      throw new MalformedFrame(`a frame of type ${message.readUInt8(0)}`);
  }
}

/** Serializes a frame into a message. The data is copied. */
export function writeFrame(frame: Frame): Buffer {
  const payloadBytes = frame.type === 'data' ? frame.data.length : frame.type === 'ack' ? 4 : 0;
  const message = Buffer.allocUnsafe(HEADER_BYTES + payloadBytes);
  message.writeUInt8(TYPES.indexOf(frame.type), 0);
  message.writeUInt32LE(frame.stream, 1);
  if (frame.type === 'data') frame.data.copy(message, HEADER_BYTES);
  if (frame.type === 'ack') message.writeUInt32LE(frame.bytes, HEADER_BYTES);
  return message;
}
