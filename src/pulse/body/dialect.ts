import { PulseError } from '../errors.ts';

/**
 * How a message's JSON wraps its body:
 *
 * - `bare`: the JSON is the body. Taskcluster publishes this way.
 * - `mozillapulse`: `{payload, _meta: {exchange, routing_key, serializer, sent}}`. The Python library mozillapulse and
 *   hgpushes publish this way.
 * - `payload`: `{payload}`. Lando publishes this way.
 */
export type Dialect = 'bare' | 'mozillapulse' | 'payload';

export const DIALECTS: readonly Dialect[] = ['bare', 'mozillapulse', 'payload'];

/** The metadata that the dialect `mozillapulse` adds to a body. */
export interface PulseMeta {
  readonly exchange?: string;
  readonly routing_key?: string;
  readonly serializer?: string;
  /** The time of sending, in ISO 8601. */
  readonly sent?: string;
}

type Unwrapped =
  | { readonly ok: true; readonly body: unknown; readonly meta?: PulseMeta }
  | { readonly ok: false; readonly problem: string };

/**
 * @param dialects the dialects that the call accepts
 * @throws PulseError `invalid` for any other dialect
 */
export function checkDialect(call: string, dialect: unknown, dialects: readonly string[] = DIALECTS): void {
  if (dialect === undefined || (dialects as readonly unknown[]).includes(dialect)) return;
  throw new PulseError('invalid', `${call}: the option dialect must be one of ${dialects.join(', ')}`);
}

/** Wraps a body as its dialect requires. */
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
 * Unwraps a body.
 *
 * @param dialect with `auto`, the format is detected from the message: an object with `payload` and `_meta.exchange`,
 *   or with `payload` alone, is unwrapped. A bare body of the same form would be unwrapped too, so name the dialect
 *   if you know it.
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
