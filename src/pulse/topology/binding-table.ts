import { routesOf } from './attempts.ts';
import type { Binding } from './binding.ts';
import { patternMatcher } from '../transport/routing-key.ts';
import type { Delivery } from '../transport/transport.ts';

interface Row {
  readonly binding: Binding;
  readonly matches: (key: string) => boolean;
}

const NONE: readonly Binding[] = [];

/** The bindings of one consumer. Finds the bindings that match a message. */
export class BindingTable {
  readonly #rows = new Map<string, Row[]>();
  readonly #onExchange = new Map<string, readonly Binding[]>();

  constructor(bindings: readonly Binding[]) {
    for (const [exchange, same] of Map.groupBy(bindings, binding => binding.exchange)) {
      this.#onExchange.set(exchange, same);
      this.#rows.set(
        exchange,
        same.map(binding => ({ binding, matches: patternMatcher(binding.pattern) })),
      );
    }
  }

  /** Returns the bindings to the message's exchange, whatever their patterns. */
  onExchange({ exchange }: Delivery): readonly Binding[] {
    return this.#onExchange.get(exchange) ?? NONE;
  }

  /**
   * Returns the bindings that match the message: first those that match its routing key, then those that match a CC
   * key. Returns none if it came by an earlier binding that the consumer no longer has, or by a `BCC` header, which
   * the broker removes.
   */
  matching({ exchange, routingKey, headers }: Delivery): readonly Binding[] {
    const rows = this.#rows.get(exchange);
    if (!rows) return NONE;
    const primary = rows.filter(({ matches }) => matches(routingKey));
    const routes = routesOf(headers);
    const byRoute = rows.filter(row => !primary.includes(row) && routes.some(row.matches));
    return [...primary, ...byRoute].map(({ binding }) => binding);
  }
}
