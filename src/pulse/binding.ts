import { checkRoutingKey } from './routing-key.ts';

/**
 * What to listen to: the messages of one exchange whose routing key, or one of whose CC keys, fits a pattern.
 *
 * `T` is the type of a message's body, and follows the binding to the consumer.
 */
export interface Binding<T = unknown> {
  readonly exchange: string;
  readonly pattern: string;
  /**
   * Looks at a parsed body where it enters. Returns the reasons why it is not a `T`, none if it is.
   * Without one, every JSON body is taken for a `T`.
   */
  readonly problems?: (body: unknown) => readonly string[];
  /** Never set: it only ties `T` to the binding for the compiler. */
  readonly bodyType?: T;
}

/**
 * A binding to anybody's exchange. For Taskcluster's, `tcw/exchanges` makes typed ones.
 *
 * @param pattern a topic pattern: words parted by dots, `*` for one word, `#` for any number
 * @throws PulseError `invalid` when the pattern has more than 255 bytes
 */
export function binding<T = unknown>(
  exchange: string,
  pattern: string,
  problems?: (body: unknown) => readonly string[],
): Binding<T> {
  return { exchange, pattern: checkRoutingKey(pattern), ...(problems && { problems }) };
}
