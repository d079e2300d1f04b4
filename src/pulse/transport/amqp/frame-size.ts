import type { Options } from 'amqplib';
import { PulseError } from '../../errors.ts';
import { headerTable } from '../header-table.ts';

/** What every frame takes beside what is in it, and a header frame beside its properties. */
const FRAME_BYTES = 8;
const HEAD_BYTES = 14;
/** Headers of 64 KiB, and every other property as long as it may be: as long as a header frame can be. */
const LONGEST = 72 * 1024;

/**
 * Checks that the header frame of a message fits, which is never sent in parts. RabbitMQ ends the connection over one that
 * does not.
 *
 * @param frameMax what was negotiated, in bytes
 * @throws PulseError `invalid`
 */
export function checkFrameSize(options: Options.Publish, frameMax: number): void {
  if (frameMax >= LONGEST) return;
  const bytes = headerFrameBytes(options);
  if (bytes <= frameMax) return;
  const what = `headers, routing keys and properties take ${bytes} bytes`;
  throw new PulseError('invalid', `${what}, and the broker takes frames of ${frameMax}`);
}

/** How long the frame is in which amqplib sends the properties of a message. */
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
