/**
 * The frames of websocktunnel's protocol (wsmux), each in one binary message of the websocket: a byte for its type, the id of a
 * stream as an unsigned 32-bit number (little-endian), then the payload.
 */
export type Frame =
  /** Opens a stream. */
  | { readonly type: 'syn'; readonly stream: number }
  | { readonly type: 'data'; readonly stream: number; readonly data: Buffer }
  /**
   * The first of a stream accepts it, and announces the size of the receiver's buffer. Each later one tells how many bytes the
   * receiver has consumed since the last one.
   */
  | { readonly type: 'ack'; readonly stream: number; readonly bytes: number }
  /** Half-closes a stream: its sender sends no more data. */
  | { readonly type: 'fin'; readonly stream: number };

/** What comes before the data of a frame, in bytes. */
export const HEADER_BYTES = 5;
const ACK_BYTES = HEADER_BYTES + 4;

const TYPES = ['data', 'syn', 'ack', 'fin'] as const satisfies readonly Frame['type'][];

/** A message that is no frame. The connection cannot be trusted any more. */
export class MalformedFrame extends Error {
  override readonly name = 'MalformedFrame';
}

/**
 * Reads one binary message.
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

/** Writes a frame as a message. The data is copied. */
export function writeFrame(frame: Frame): Buffer {
  const payloadBytes = frame.type === 'data' ? frame.data.length : frame.type === 'ack' ? 4 : 0;
  const message = Buffer.allocUnsafe(HEADER_BYTES + payloadBytes);
  message.writeUInt8(TYPES.indexOf(frame.type), 0);
  message.writeUInt32LE(frame.stream, 1);
  if (frame.type === 'data') frame.data.copy(message, HEADER_BYTES);
  if (frame.type === 'ack') message.writeUInt32LE(frame.bytes, HEADER_BYTES);
  return message;
}
