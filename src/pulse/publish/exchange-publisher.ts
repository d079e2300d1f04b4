import { checkExchangeName } from '../topology/binding.ts';
import { bodyCheck } from '../body/body-check.ts';
import { checkDeadline } from './publish-limits.ts';
import type { PublisherOptions, PublishOptions, PublishResult } from './publish-options.ts';

/** Publishes to one exchange, in the order of its calls. */
export interface ExchangePublisher<T> {
  readonly exchange: string;
  /** Publishes, and tells what became of the message. Never rejects. */
  send(routingKey: string, body: T, options?: PublishOptions): Promise<PublishResult>;
  /** As {@link send}, for those who want an exception. */
  publish(routingKey: string, body: T, options?: PublishOptions): Promise<void>;
}

type Send = (
  exchange: string,
  routingKey: string,
  body: unknown,
  options: PublishOptions & PublisherOptions,
) => Promise<PublishResult>;

/** @throws PulseError `invalid` for a name, a schema or a deadline that cannot be used */
export function exchangePublisher<T>(
  exchange: string,
  options: PublisherOptions = {},
  sendTo: Send,
): ExchangePublisher<T> {
  checkExchangeName(exchange);
  if (options.deadlineMs !== undefined) checkDeadline(options.deadlineMs);
  const common = { ...options, ...(options.schema && { schema: bodyCheck(options.schema) }) };
  const send = (routingKey: string, body: T, one?: PublishOptions) => {
    if (!one) return sendTo(exchange, routingKey, body, common);
    const headers = one.headers && common.headers ? { ...common.headers, ...one.headers } : undefined;
    return sendTo(exchange, routingKey, body, { ...common, ...one, ...(headers && { headers }) });
  };
  return {
    exchange,
    send,
    publish: async (routingKey, body, one) => {
      const result = await send(routingKey, body, one);
      if (result.status !== 'confirmed') throw result.error;
    },
  };
}
