import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/**
 * A value that must never be printed: a password, a token, a certificate.
 *
 * It prints as `[redacted]` wherever it is turned into text (templates, JSON, `inspect`, loggers), so that a
 * leak takes a deliberate call of {@link Secret.reveal}.
 */
export class Secret<T = string> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  /** The value itself: call it only where the value leaves the process over the wire it is meant for. */
  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
