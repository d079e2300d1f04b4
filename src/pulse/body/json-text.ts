import { isUtf8 } from 'node:buffer';
import { PulseError } from '../errors.ts';

/**
 * A body that is JSON text already. It is published as it stands: no number is rounded, no name dropped, no blank removed.
 */
export class JsonText {
  readonly bytes: Uint8Array;
  /** What `JSON.parse` makes of it: schemas check this. */
  readonly value: unknown;

  /** @throws PulseError `invalid` for a text that is not UTF-8 JSON */
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
