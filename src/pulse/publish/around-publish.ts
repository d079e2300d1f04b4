import { PulseError } from '../errors.ts';
import type { PublishResult } from '../publish-result.ts';
import type { AroundFailed, AroundPublish } from './publish-options.ts';
import { errorText } from '../error-text.ts';

const STATUSES: readonly unknown[] = [
  'confirmed',
  'returned',
  'nacked',
  'refused',
  'expired',
] satisfies PublishResult['status'][];

/**
 * Publishes a message through `aroundPublish`. Never rejects, whatever that function does.
 *
 * The result of the message takes precedence. If the function fails after it has called `send`, the result of `send` is
 * returned, and `warn` receives a warning.
 */
export async function publishAround(
  around: AroundPublish,
  message: Parameters<AroundPublish>[0],
  send: Parameters<AroundPublish>[1],
  warn: (warning: AroundFailed) => void,
): Promise<PublishResult> {
  let sent: Promise<PublishResult> | undefined;
  const once: typeof send = more => {
    if (sent) return Promise.resolve(refused('aroundPublish called send twice for one message'));
    return (sent = send(more));
  };
  let error: unknown;
  try {
    const result: unknown = await around(message, once);
    if (isResult(result)) return result;
    error = new TypeError('it returned no result');
  } catch (thrown) {
    error = thrown;
  }
  if (!sent) return refused(`aroundPublish failed before it called send: ${errorText(error)}`);
  const { exchange, routingKey } = message;
  warn({ type: 'around-failed', exchange, routingKey, error });
  return sent;
}

function refused(why: string): PublishResult {
  return { status: 'refused', error: new PulseError('invalid', why) };
}

function isResult(value: unknown): value is PublishResult {
  if (typeof value !== 'object' || value === null) return false;
  const { status, error } = value as { readonly status?: unknown; readonly error?: unknown };
  return STATUSES.includes(status) && (status === 'confirmed' || error instanceof PulseError);
}
