import { PulseError } from '../errors.ts';

/** What a message is refused with that ends connections. */
export function endsConnections(
  { exchange, routingKey }: { readonly exchange: string; readonly routingKey: string },
  reason = 'it does not say why',
): PulseError {
  const what = `the broker ends the connection each time that ${routingKey} of ${exchange} is sent`;
  return new PulseError('mismatch', `${what}: ${reason}`);
}

/** Whether the broker said no, to one message of its channel. */
export function isRefusal({ kind }: PulseError): boolean {
  return kind === 'forbidden' || kind === 'not-found' || kind === 'mismatch';
}

/**
 * Of those that a channel was lost with, the ones that it was lost for: all that went to the exchange which the broker
 * names, or the only one there was. None where that cannot be told.
 *
 * A name may hold quotes, and the broker may write it otherwise than we do: names are looked for in its words.
 */
export function refusedAmong<T extends { readonly exchange: string }>(
  lost: readonly T[],
  { message }: PulseError,
): readonly T[] {
  let blamed = '';
  for (const { exchange } of lost) {
    if (exchange.length > blamed.length && message.includes(`exchange '${exchange}' `)) blamed = exchange;
  }
  if (blamed !== '') return lost.filter(({ exchange }) => exchange === blamed);
  return lost.length === 1 ? lost : [];
}
