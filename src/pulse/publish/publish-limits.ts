import { checkDialect } from '../body/dialect.ts';
import { PulseError } from '../errors.ts';
import { headerTable } from '../transport/header-table.ts';
import type { PublishBounds, PublisherOptions, PublishOptions } from './publish-options.ts';
import { checkOptions, type OptionKinds } from '../options.ts';
import type { PublishGauge } from '../publish-result.ts';
import { checkShortString } from '../transport/short-string.ts';
import type { Properties } from '../transport/transport.ts';

const PUBLISHER_OPTIONS: OptionKinds<PublisherOptions> = {
  deadlineMs: 'number',
  mandatory: 'boolean',
  dialect: 'text',
  headers: 'object',
  schema: ['object', 'function'],
};
/** The options of a message and of its publisher. */
export const PUBLISH_OPTIONS: OptionKinds<PublishOptions & PublisherOptions> = {
  ...PUBLISHER_OPTIONS,
  routes: 'list',
  messageId: 'text',
  signal: 'signal',
};
const BOUND_OPTIONS: OptionKinds<PublishBounds> = { messages: 'number', bytes: 'number' };
const BOUNDS: PublishBounds = { messages: 20_000, bytes: 64 * 1024 * 1024 };

/** @throws PulseError `invalid` for bounds below 1, and for NaN */
export function publishBounds(given: Partial<PublishBounds> = {}): PublishBounds {
  checkOptions('connect', given, BOUND_OPTIONS, 'publishBounds');
  const { messages = BOUNDS.messages, bytes = BOUNDS.bytes } = given;
  for (const [name, bound] of Object.entries({ messages, bytes })) {
    if (bound >= 1) continue;
    throw new PulseError('invalid', `publishBounds.${name} is ${bound}; it must be at least 1`);
  }
  return { messages, bytes };
}

/** Returns why a message of this size may not wait: too much is waiting, or it exceeds the limit by itself. */
export function tooMuch(
  bytes: number,
  bounds: PublishBounds,
  { waiting, waitingBytes }: PublishGauge,
  problem = 'wait for confirmations before publishing more',
): PulseError {
  if (bytes > bounds.bytes) {
    const all = `publishBounds.bytes allows ${bounds.bytes} for all that wait`;
    return new PulseError('invalid', `the body has ${bytes} bytes, and ${all}`);
  }
  const wait = `${waiting} messages of ${waitingBytes} bytes wait to be published`;
  return new PulseError('full', `${wait}, which is the limit: ${problem}`);
}

/** @throws PulseError `invalid` for unknown options and an unusable deadline */
export function checkPublisherOptions(options: PublisherOptions): void {
  checkOptions('publisher', options, PUBLISHER_OPTIONS);
  checkDialect('publisher', options.dialect);
  if (options.deadlineMs !== undefined) checkDeadline(options.deadlineMs);
}

/** @throws PulseError `invalid` unless the deadline is above 0 (NaN is invalid too) */
export function checkDeadline(deadlineMs: number): void {
  if (deadlineMs > 0) return;
  throw new PulseError(
    'invalid',
    `deadlineMs is ${deadlineMs}; it must be above 0 (Infinity means no deadline)`,
  );
}

/**
 * Returns properties that AMQP encodes without loss.
 *
 * @throws PulseError `invalid` for a value that AMQP cannot represent
 */
export function checkedProperties(properties: Properties): Properties {
  // Properties that were received can also be sent.
  if (properties.copied) return properties;
  const { headers, routes, messageId } = properties;
  if (messageId !== undefined) checkShortString(messageId, 'the message id');
  if (headers === undefined && routes.length === 0) return properties;
  return { ...properties, headers: headerTable(headers ?? {}, routes).table };
}
