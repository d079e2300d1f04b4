import { PulseError } from './errors.ts';

/**
 * Writes a message's body as UTF-8 JSON.
 *
 * @throws PulseError `invalid` for what JSON can not say
 */
export function encode(body: unknown): Buffer {
  let json: string | undefined;
  try {
    json = JSON.stringify(body);
  } catch (error) {
    // Of a circle it draws a picture, on lines of its own.
    const why = (error as Error).message.replaceAll(/\s*\n\s*/g, ' ');
    throw new PulseError('invalid', `the body can not be written as JSON: ${why}`, { cause: error });
  }
  if (json === undefined) {
    throw new PulseError('invalid', `the body can not be written as JSON: it is ${typeof body}`);
  }
  return Buffer.from(json);
}
