import { PulseError } from './errors.ts';

/** What a handler says of a message, other than that it is done with it. May be returned or thrown. */
export class Verdict extends Error {
  override readonly name = 'Verdict';
  readonly kind: 'retry' | 'reject' | 'dead-letter';
  /** Of a retry: how long to wait, in ms; undefined for what the policy says. */
  readonly delayMs: number | undefined;

  /** @internal Use {@link retryLater}, {@link reject} or {@link deadLetter}. */
  constructor(kind: Verdict['kind'], reason: string, delayMs?: number) {
    super(reason);
    this.kind = kind;
    this.delayMs = delayMs;
  }
}

/** A message is held while it waits, and RabbitMQ takes back what is held for 30 minutes. */
export const LONGEST_RETRY_MS = 900_000;

/**
 * Try it again later. It counts as a failed attempt, as a throw does.
 *
 * @param delayMs how long to wait: at most 15 minutes; as the retry policy says when it is left out
 * @throws PulseError `invalid` for a longer wait
 */
export function retryLater(delayMs?: number, reason = 'to be tried later'): Verdict {
  if (delayMs !== undefined && !(delayMs >= 0 && delayMs <= LONGEST_RETRY_MS)) {
    throw new PulseError(
      'invalid',
      `retryLater(${delayMs}): a message is held while it waits, so that is 0 to ${LONGEST_RETRY_MS} ms`,
    );
  }
  return new Verdict('retry', reason, delayMs);
}

/** Nobody can do anything with it: dropped, or dead-lettered where its queue keeps dead letters. */
export function reject(reason = 'rejected'): Verdict {
  return new Verdict('reject', reason);
}

/** Nobody can do anything with it, and it has to be kept. Where its queue keeps no dead letters the stream errors. */
export function deadLetter(reason = 'dead-lettered'): Verdict {
  return new Verdict('dead-letter', reason);
}
