import type { Options } from 'amqplib';
import { PulseError } from '../../../errors.ts';
import { headerTable } from '../../header-table.ts';

/** The overhead of every frame, and the overhead of a header frame in addition to its properties, in bytes. */
const FRAME_BYTES = 8;
const HEAD_BYTES = 14;
/** The maximum size of a header frame: 64 KiB of headers, and every other property at its maximum length. */
const LONGEST = 72 * 1024;

/**
 * Checks that the header frame of a message is not too large. It cannot be split, and RabbitMQ closes the connection
 * if it is too large.
 *
 * @param frameMax the negotiated maximum size of a frame, in bytes
 * @throws PulseError `invalid`
 */
export function checkFrameSize(options: Options.Publish, frameMax: number): void {
  if (frameMax >= LONGEST) return;
  const bytes = headerFrameBytes(options);
  if (bytes <= frameMax) return;
  const what = `headers, routing keys and properties take ${bytes} bytes`;
  throw new PulseError('invalid', `${what}, but the broker accepts frames of at most ${frameMax} bytes`);
}

/** Returns the size of the frame in which amqplib sends a message's properties. */
export function headerFrameBytes({ headers = {}, CC = [], ...others }: Options.Publish): number {
  const routes = Array.isArray(CC) ? CC : [CC];
  let bytes = FRAME_BYTES + HEAD_BYTES + headerTable(headers as object, routes).bytes;
  for (const [name, value] of Object.entries(others)) {
    if (typeof value === 'string') bytes += 1 + Buffer.byteLength(value);
    else if (name === 'timestamp') bytes += 8;
    else if (name === 'persistent' || name === 'priority') bytes += 1;
  }
  return bytes;
}
