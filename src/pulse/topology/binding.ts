import { bodyCheck, type BodySchema } from '../body/body-check.ts';
import { checkDialect, DIALECTS, type Dialect } from '../body/dialect.ts';
import { PulseError } from '../errors.ts';
import { checkOptions, described, type OptionKinds } from '../options.ts';
import { checkShortString } from '../transport/short-string.ts';

/** An exchange and a pattern: the part of a binding that the broker knows. */
export interface BindingKey {
  readonly exchange: string;
  readonly pattern: string;
}

/**
 * Selects messages of one exchange by a pattern. A message matches if its routing key or one of its CC keys matches.
 *
 * `T` is the type of the body. The consumer's messages get this type.
 */
export interface Binding<T = unknown> extends BindingKey {
  /**
   * Checks a parsed body. Returns the reasons why the body is not a `T`, or an empty list. Without this function,
   * every JSON body counts as a `T`.
   */
  readonly problems?: (body: unknown) => readonly string[];
  /** How the JSON wraps the body. Default: `bare`. */
  readonly dialect?: Dialect | 'auto';
  /** Never set. It only tells the compiler about `T`. */
  readonly bodyType?: T;
}

/** How a binding interprets bodies. */
export interface BindingOptions {
  readonly dialect?: Dialect | 'auto' | undefined;
}

const BINDING_OPTIONS: OptionKinds<BindingOptions> = { dialect: 'text' };

/**
 * Creates a binding to any exchange. `tcw/exchanges` has typed bindings to Taskcluster's exchanges.
 *
 * @param pattern a topic pattern: words separated by dots, `*` for one word, `#` for any number of words
 * @param schema describes a valid body: a JSON schema, or a function that returns problems. The compiler relies on it
 *   to accept only `T`.
 * @throws PulseError `invalid` for a name that is too long, an invalid schema or an unknown option
 */
export function binding<T = unknown>(
  exchange: string,
  pattern: string,
  schema?: BodySchema,
  options: BindingOptions = {},
): Binding<T> {
  checkOptions('binding', options, BINDING_OPTIONS);
  const { dialect } = options;
  checkDialect('binding', dialect, [...DIALECTS, 'auto']);
  if (typeof schema === 'object' && schema !== null && Object.keys(schema).join() === 'dialect') {
    throw new PulseError(
      'invalid',
      'binding: options are the fourth argument; pass undefined for the schema',
    );
  }
  checkExchangeName(exchange);
  return {
    exchange,
    pattern: checkShortString(pattern, 'pattern'),
    ...(schema !== undefined && { problems: bodyCheck(schema) }),
    ...(dialect && { dialect }),
  };
}

/**
 * @param call the call that has the bindings, as error messages show it
 * @throws PulseError `invalid` for a value that is not a list of bindings
 */
export function checkBindings(call: string, bindings: unknown): asserts bindings is readonly BindingKey[] {
  if (!Array.isArray(bindings)) {
    throw new PulseError('invalid', `${call} needs an array of binding(…), not ${described(bindings)}`);
  }
  for (const one of bindings as readonly (Partial<BindingKey> | null | undefined)[]) {
    if (one?.exchange === undefined || one.pattern === undefined) {
      throw new PulseError('invalid', `${call}: each entry of bindings must be made by binding(…)`);
    }
    checkExchangeName(one.exchange);
    checkShortString(one.pattern, 'pattern');
  }
}

/** @throws PulseError `invalid` for a name that is not possible for an exchange at Pulse */
export function checkExchangeName(name: string): string {
  if (name === '') {
    throw new PulseError(
      'invalid',
      'the name of the exchange is empty. Pulse does not allow the default exchange; use exchange/<user>/<name>',
    );
  }
  return checkShortString(name, 'exchange name');
}
