import { bodyCheck, type BodySchema } from '../body/body-check.ts';
import type { Dialect } from '../body/dialect.ts';
import { PulseError } from '../errors.ts';
import { checkRoutingKey } from '../transport/routing-key.ts';
import { checkShortString } from '../transport/short-string.ts';

/** An exchange and a pattern: what the broker knows of a binding. */
export interface BindingKey {
  readonly exchange: string;
  readonly pattern: string;
}

/**
 * What to listen to: the messages of one exchange whose routing key, or one of whose CC keys, fits a pattern.
 *
 * `T` is the type of a message's body, and follows the binding to the consumer.
 */
export interface Binding<T = unknown> extends BindingKey {
  /**
   * Looks at a parsed body where it enters. Returns the reasons why it is not a `T`, none if it is.
   * Without one, every JSON body is taken for a `T`.
   */
  readonly problems?: (body: unknown) => readonly string[];
  /** How the body lies in the JSON; `bare` unless said otherwise. */
  readonly dialect?: Dialect | 'auto';
  /** Never set: it only ties `T` to the binding for the compiler. */
  readonly bodyType?: T;
}

/**
 * A binding to anybody's exchange. For Taskcluster's, `tcw/exchanges` makes typed ones.
 *
 * @param pattern a topic pattern: words parted by dots, `*` for one word, `#` for any number
 * @param schema what a body has to be: a JSON schema, or a function that returns what is wrong. The type `T` is the
 *   caller's word for what they let pass.
 * @throws PulseError `invalid` when a name does not fit a frame, or the schema is none
 */
export function binding<T = unknown>(
  exchange: string,
  pattern: string,
  schema?: BodySchema,
  { dialect }: { readonly dialect?: Dialect | 'auto' } = {},
): Binding<T> {
  checkExchangeName(exchange);
  return {
    exchange,
    pattern: checkRoutingKey(pattern),
    ...(schema && { problems: bodyCheck(schema) }),
    ...(dialect && { dialect }),
  };
}

/** @throws PulseError `invalid` for a name that no exchange of Pulse can have */
export function checkExchangeName(name: string): string {
  if (name === '') {
    throw new PulseError(
      'invalid',
      'the exchange has no name. Pulse lets nobody use the default exchange: name one, exchange/<user>/<name>',
    );
  }
  return checkShortString(name, 'exchange name');
}
