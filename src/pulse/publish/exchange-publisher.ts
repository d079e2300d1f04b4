import { checkExchangeName } from '../topology/binding.ts';
import { bodyCheck } from '../body/body-check.ts';
import { checkPublisherOptions } from './publish-limits.ts';
import type { PublisherOptions, PublishOptions } from './publish-options.ts';
import type { PublishResult } from '../publish-result.ts';

/** Publishes to one exchange. Messages arrive in the order of the calls. */
export interface ExchangePublisher<T> {
  readonly exchange: string;
  /** Publishes a message. Throws if the broker does not confirm it. Otherwise like {@link tryPublish}. */
  publish(routingKey: string, body: T, options?: PublishOptions): Promise<void>;
  /** Publishes a message and returns the result. Never rejects. */
  tryPublish(routingKey: string, body: T, options?: PublishOptions): Promise<PublishResult>;
}

type Send = (
  exchange: string,
  routingKey: string,
  body: unknown,
  options: PublishOptions & PublisherOptions,
) => Promise<PublishResult>;

/** @throws PulseError `invalid` for unknown options and for an unusable name, schema or deadline */
export function exchangePublisher<T>(
  exchange: string,
  options: PublisherOptions = {},
  sendTo: Send,
): ExchangePublisher<T> {
  checkExchangeName(exchange);
  checkPublisherOptions(options);
  const common = { ...options, ...(options.schema && { schema: bodyCheck(options.schema) }) };
  const tryPublish = (routingKey: string, body: T, one?: PublishOptions) => {
    if (one === undefined) return sendTo(exchange, routingKey, body, common);
    // `sendTo` refuses it.
    if (typeof one !== 'object' || (one as unknown) === null) return sendTo(exchange, routingKey, body, one);
    const headers = one.headers && common.headers ? { ...common.headers, ...one.headers } : undefined;
    return sendTo(exchange, routingKey, body, { ...common, ...one, ...(headers && { headers }) });
  };
  return {
    exchange,
    tryPublish,
    publish: async (routingKey, body, one) => {
      const result = await tryPublish(routingKey, body, one);
      if (result.status !== 'confirmed') throw result.error;
    },
  };
}
