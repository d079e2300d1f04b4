/**
 * How a message's body lies in its JSON:
 *
 * - `bare`: the JSON is the body, as Taskcluster publishes
 * - `mozillapulse`: `{payload, _meta: {exchange, routing_key, serializer, sent}}`, as the Python library mozillapulse
 *   and hgpushes do
 * - `payload`: `{payload}`, as Lando does
 */
export type Dialect = 'bare' | 'mozillapulse' | 'payload';

/** What mozillapulse writes beside a body. */
export interface PulseMeta {
  readonly exchange?: string;
  readonly routing_key?: string;
  readonly serializer?: string;
  /** When it was sent, in ISO 8601. */
  readonly sent?: string;
}

type Unwrapped =
  | { readonly ok: true; readonly body: unknown; readonly meta?: PulseMeta }
  | { readonly ok: false; readonly problem: string };

/** Puts a body into its dialect. */
export function wrap(dialect: Dialect, body: unknown, exchange: string, routingKey: string): unknown {
  switch (dialect) {
    case 'bare':
      return body;
    case 'payload':
      return { payload: body };
    case 'mozillapulse': {
      const _meta = { exchange, routing_key: routingKey, serializer: 'json', sent: new Date().toISOString() };
      return { payload: body, _meta };
    }
  }
}

/**
 * Takes a body out of its dialect.
 *
 * @param dialect `auto` goes by the look: an object with `payload` and `_meta.exchange`, or with nothing but `payload`,
 *   is unwrapped. A bare body that looks so would be too, so say it where it is known.
 */
export function unwrap(dialect: Dialect | 'auto', json: unknown): Unwrapped {
  if (dialect === 'bare') return { ok: true, body: json };
  const envelope = isObject(json) && Object.hasOwn(json, 'payload') ? json : undefined;
  const meta = envelope && isObject(envelope._meta) ? (envelope._meta as PulseMeta) : undefined;
  if (dialect === 'auto') {
    const wrapped = meta ? typeof meta.exchange === 'string' : envelope && Object.keys(envelope).length === 1;
    if (!envelope || !wrapped) return { ok: true, body: json };
  }
  if (!envelope) return { ok: false, problem: '/payload is missing' };
  if (dialect === 'mozillapulse' && !meta) return { ok: false, problem: '/_meta is missing' };
  return { ok: true, body: envelope.payload, ...(meta && { meta }) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
