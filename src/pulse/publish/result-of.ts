import { PulseError } from '../errors.ts';
import type { PublishResult } from '../publish-result.ts';
import type { Confirmation } from '../transport/transport.ts';

const CONFIRMED: PublishResult = { status: 'confirmed' };

/** Converts the broker's answer to the result of a message. */
export function resultOf(
  answer: Confirmation,
  { exchange, routingKey }: { readonly exchange: string; readonly routingKey: string },
): PublishResult {
  switch (answer.type) {
    case 'confirmed':
      return CONFIRMED;
    case 'returned': {
      const message = `no queue is bound for ${routingKey} of ${exchange} (${answer.reason})`;
      return { status: 'returned', error: new PulseError('returned', message) };
    }
    case 'nacked': {
      const message = `the broker did not accept ${routingKey} of ${exchange}: a full queue refused it, or the broker failed`;
      return { status: 'nacked', error: new PulseError('nacked', message) };
    }
  }
}
