import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/**
 * A value that must never be printed: a password, a token, a certificate.
 *
 * It prints as `[redacted]` wherever it becomes text (templates, JSON, `inspect`, loggers). Only a deliberate call of
 * {@link Secret.reveal} can leak it.
 */
export class Secret<T = string> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  /** Returns the value itself. Call this only where the value is sent to the service that it is for. */
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
