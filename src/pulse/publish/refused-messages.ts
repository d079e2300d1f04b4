import { PulseError } from '../errors.ts';

/** Returns the error for a message that makes the broker close connections. */
export function endsConnections(
  { exchange, routingKey }: { readonly exchange: string; readonly routingKey: string },
  reason = 'it does not say why',
): PulseError {
  const what = `the broker ends the connection each time that ${routingKey} of ${exchange} is sent`;
  return new PulseError('mismatch', `${what}: ${reason}`);
}

/** Whether the broker refused a message of the channel. */
export function isRefusal({ kind }: PulseError): boolean {
  return kind === 'forbidden' || kind === 'not-found' || kind === 'mismatch';
}

/**
 * Finds the messages that caused the loss of a channel: all messages to the exchange that the broker names, or the
 * only message on its way. Returns none if that is not clear.
 *
 * An exchange name may contain quotes, and the broker may write it differently. So this function searches the
 * broker's text for the known names instead of parsing it.
 */
export function refusedAmong<T extends { readonly exchange: string }>(
  lost: readonly T[],
  { message }: PulseError,
): readonly T[] {
  let refused = '';
  for (const { exchange } of lost) {
    if (exchange.length > refused.length && message.includes(`exchange '${exchange}' `)) refused = exchange;
  }
  if (refused !== '') return lost.filter(({ exchange }) => exchange === refused);
  return lost.length === 1 ? lost : [];
}
