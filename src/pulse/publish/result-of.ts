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
      const message = `no queue wants ${routingKey} of ${exchange} (${answer.reason})`;
      return { status: 'returned', error: new PulseError('returned', message) };
    }
    case 'nacked': {
      const message = `the broker could not take ${routingKey} of ${exchange}: a queue is full and refuses, or it failed`;
      return { status: 'nacked', error: new PulseError('nacked', message) };
    }
  }
}
