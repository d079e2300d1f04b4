import { validator, type Validator } from '../base/index.ts';
import { binding, type Binding } from '../pulse/index.ts';
import {
  buildPattern,
  buildRoutingKey,
  parseRoutingKey,
  type Parts,
  type PartValue,
  type RoutingKey,
  type SomeParts,
} from './routing-key.ts';

/** An exchange, as Taskcluster's references define it. */
export interface ExchangeReference {
  /** The full name: `exchange/taskcluster-queue/v1/task-exception`. */
  readonly exchange: string;
  /** The schema of its messages, as a path below `schemas/`. */
  readonly schema: string;
  readonly routingKey: RoutingKey;
}

/**
 * One of Taskcluster's exchanges. Its messages have the type `T` and routing keys of the form `K`.
 *
 * Call it to make a binding to messages whose routing key has the given parts; a part that you leave out may be anything. The
 * binding checks messages as `validate` does, except that it accepts unknown properties, because a later Taskcluster may add
 * some.
 *
 * @throws PulseError `invalid` for parts that such a routing key cannot have. The methods throw it, too.
 */
export interface Exchange<T, K extends RoutingKey> extends ExchangeReference {
  (parts?: SomeParts<K>): Binding<T>;
  /** The service that publishes to this exchange: `worker-manager`. */
  readonly service: string;
  /** The exchange's short name: `taskException`. */
  readonly name: string;
  readonly routingKey: K;
  /**
   * A binding to messages that have a route in their CC header. Messages of the queue have the `routes` of their task, and those
   * of notify have the route that they were sent to. They arrive with their primary routing key.
   *
   * @param route without the leading `route.`. It may be a pattern: `index.project.#`
   */
  readonly route: (route: string) => Binding<T>;
  /** Parses a routing key into its parts. A part that Taskcluster does not know (`_`) is missing. */
  readonly parse: (routingKey: string) => Parts<K>;
  /** Makes a routing key of at most 255 bytes from its parts. A part that you leave out becomes `_`. */
  build(this: void, parts: Parts<K, PartValue>): string;
  /** Lists the problems of a message body, each with its JSON pointer first. The list of a valid body is empty. */
  readonly validate: Validator;
}

/** An exchange whose messages and routing keys have no types, as in the list of all exchanges. */
export type AnyExchange = Exchange<unknown, RoutingKey>;

/**
 * All exchanges of a service. `M` has the type of each exchange's messages, and its docstring; `R` has the references.
 */
export type Exchanges<M, R extends Readonly<Record<keyof M, ExchangeReference>>> = {
  readonly [N in keyof M]: Exchange<M[N], R[N]['routingKey']>;
};

/** Makes the exchanges of a service from its generated references. */
export function exchangesOf<M, R extends Readonly<Record<keyof M, ExchangeReference>>>(
  service: string,
  references: R,
): Exchanges<M, R> {
  const entries = Object.entries<ExchangeReference>(references).map(([name, reference]) => [
    name,
    makeExchange(service, name, reference),
  ]);
  return Object.fromEntries(entries) as Exchanges<M, R>;
}

function makeExchange(service: string, name: string, reference: ExchangeReference): AnyExchange {
  const { exchange, routingKey, schema } = reference;
  const validate = validator(schema);
  // Taskcluster adds properties without a new version, and an older reader must not drop such messages.
  const problems = validator(schema, { acceptUnknown: true });
  const bind = (parts = {}): Binding => binding(exchange, buildPattern(routingKey, parts), problems);
  // A function has a name of its own, which assigning would not change.
  Object.defineProperty(bind, 'name', { value: name, enumerable: true });
  return Object.assign(bind, {
    ...reference,
    service,
    route: (route: string): Binding => binding(exchange, `route.${route}`, problems),
    parse: (text: string) => parseRoutingKey(routingKey, text),
    build: (parts: Record<string, PartValue>) => buildRoutingKey(routingKey, parts),
    validate,
  });
}
