import { wrap, type Dialect } from './dialect.ts';
import { PulseError } from '../errors.ts';
import { JsonText } from './json-text.ts';
import { errorText } from '../error-text.ts';

/**
 * Encodes a message's body as UTF-8 JSON.
 *
 * @throws PulseError `invalid` for a value that JSON cannot represent
 */
function encode(body: unknown): Buffer {
  let json: string | undefined;
  try {
    json = JSON.stringify(body);
  } catch (error) {
    // For a circular structure, the message contains a drawing over several lines.
    const why = errorText(error).replaceAll(/\s*\n\s*/g, ' ');
    throw new PulseError('invalid', `the body cannot be written as JSON: ${why}`, { cause: error });
  }
  if (json === undefined) {
    throw new PulseError('invalid', `the body cannot be written as JSON: it is ${typeof body}`);
  }
  return Buffer.from(json);
}

/** Encodes a body in its dialect. A {@link JsonText} is used unchanged. */
export function encodeBody(dialect: Dialect, body: unknown, exchange: string, routingKey: string): Buffer {
  if (!(body instanceof JsonText)) {
    return encode(dialect === 'bare' ? body : wrap(dialect, body, exchange, routingKey));
  }
  if (dialect === 'bare') return Buffer.from(body.bytes);
  const envelope = JSON.stringify(wrap(dialect, null, exchange, routingKey));
  return Buffer.concat([
    Buffer.from('{"payload":'),
    body.bytes,
    Buffer.from(envelope.slice('{"payload":null'.length)),
  ]);
}
