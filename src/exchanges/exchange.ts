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

/** What Taskcluster's references say of an exchange. */
export interface ExchangeReference {
  /** The full name: `exchange/taskcluster-queue/v1/task-exception`. */
  readonly exchange: string;
  /** The schema of its messages, as a path below `schemas/`. */
  readonly schema: string;
  readonly routingKey: RoutingKey;
}

/**
 * One of Taskcluster's exchanges, which carries messages of type `T` with routing keys `K`.
 *
 * Called, it gives a binding to the messages that have the given parts in their routing key: `*` stands for every
 * part that is left out. The binding's `problems` are those of `validate`, but for properties that are not known: a
 * later Taskcluster may add some. Each method throws a PulseError `invalid` for parts that cannot be in such a key.
 */
export interface Exchange<T, K extends RoutingKey> extends ExchangeReference {
  (parts?: SomeParts<K>): Binding<T>;
  /** The service that publishes here, as Taskcluster calls it: `worker-manager`. */
  readonly service: string;
  /** The exchange's short name: `taskException`. */
  readonly name: string;
  readonly routingKey: K;
  /**
   * A binding to the messages that carry a route in their CC header. The queue's messages carry the `routes` of
   * their task, notify's carry the route they were sent to. They arrive with their primary routing key.
   *
   * @param route without the leading `route.`; may be a pattern: `index.project.#`
   */
  readonly route: (route: string) => Binding<T>;
  /** The named parts of a routing key. A part that is not known (`_`) is left out. */
  readonly parse: (routingKey: string) => Parts<K>;
  /** The routing key with these parts: at most 255 bytes. A part that is left out is `_`. */
  build(this: void, parts: Parts<K, PartValue>): string;
  /** What is wrong with the body of a message, each problem starting with its JSON pointer; nothing when valid. */
  readonly validate: Validator;
}

/** An exchange of which nothing is known at compile time, as in a list of all. */
export type AnyExchange = Exchange<unknown, RoutingKey>;

/** All exchanges of a service. `M` names the type of each one's messages, `R` has the references. */
export type Exchanges<M, R extends Readonly<Record<string, ExchangeReference>>> = {
  readonly [N in keyof R & keyof M]: Exchange<M[N], R[N]['routingKey']>;
};

/** Makes the exchanges of a service from its generated references. */
export function exchangesOf<M, R extends Readonly<Record<string, ExchangeReference>>>(
  service: string,
  references: R,
): Exchanges<M, R> {
  const entries = Object.entries(references).map(([name, reference]) => [
    name,
    makeExchange(service, name, reference),
  ]);
  return Object.fromEntries(entries) as Exchanges<M, R>;
}

function makeExchange(service: string, name: string, reference: ExchangeReference): AnyExchange {
  const { exchange, routingKey, schema } = reference;
  const validate = validator(schema);
  // Taskcluster adds properties to its messages without a new version, and an older reader must not drop them.
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
