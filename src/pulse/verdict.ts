import { PulseError } from './errors.ts';

/** A handler's decision to retry, reject or dead-letter a message. The handler returns or throws it. */
export class Verdict extends Error {
  override readonly name = 'Verdict';
  readonly kind: 'retry' | 'reject' | 'dead-letter';
  /** For a retry: the delay in ms. Undefined: the retry policy decides. */
  readonly delayMs: number | undefined;

  /** @internal Use {@link retryLater}, {@link reject} or {@link deadLetter}. */
  constructor(kind: Verdict['kind'], reason: string, delayMs?: number) {
    super(reason);
    this.kind = kind;
    this.delayMs = delayMs;
  }
}

/** The consumer holds a message while it waits, and RabbitMQ takes back messages that are held for 30 minutes. */
export const LONGEST_RETRY_MS = 900_000;

/**
 * Makes the message be tried again later. This counts as a failed attempt, like an error that the handler throws.
 *
 * @param delayMs the delay in ms, at most 15 minutes. Default: the retry policy decides.
 * @throws PulseError `invalid` for a longer delay
 */
export function retryLater(
  delayMs?: number,
  reason = 'the handler asked for another attempt later',
): Verdict {
  if (
    delayMs !== undefined &&
    !(typeof delayMs === 'number' && delayMs >= 0 && delayMs <= LONGEST_RETRY_MS)
  ) {
    throw new PulseError(
      'invalid',
      `retryLater: the delay is ${String(delayMs)}; it must be a number of ms from 0 to ${LONGEST_RETRY_MS}, because the message is held while it waits`,
    );
  }
  return new Verdict('retry', reason, delayMs);
}

/** Gives the message up. It is dead-lettered if its queue keeps dead letters, and dropped otherwise. */
export function reject(reason = 'rejected'): Verdict {
  return new Verdict('reject', reason);
}

/** Gives the message up and requires that it is kept. If its queue keeps no dead letters, the stream errors. */
export function deadLetter(reason = 'dead-lettered'): Verdict {
  return new Verdict('dead-letter', reason);
}
