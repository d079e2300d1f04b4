import { isUtf8 } from 'node:buffer';
import { PulseError } from '../errors.ts';

/**
 * A body that is already JSON text. It is published unchanged: no number is rounded, and no name or space is dropped.
 */
export class JsonText {
  readonly bytes: Uint8Array;
  /** The result of `JSON.parse`. Schemas check this value. */
  readonly value: unknown;

  /** @throws PulseError `invalid` if the text is not UTF-8 JSON */
  constructor(json: string | Uint8Array) {
    const bytes = typeof json === 'string' ? Buffer.from(json) : Buffer.from(json);
    if (!isUtf8(bytes)) throw new PulseError('invalid', 'the body is not UTF-8');
    const text = bytes.toString('utf8');
    if (text.startsWith('\uFEFF')) {
      throw new PulseError('invalid', 'the body begins with a byte order mark, which JSON does not allow');
    }
    try {
      this.value = JSON.parse(text);
    } catch (error) {
      throw new PulseError('invalid', (error as Error).message, { cause: error });
    }
    this.bytes = bytes;
  }
}
