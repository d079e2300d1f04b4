import type { PulseError } from './errors.ts';

/**
 * The result of publishing a message.
 *
 * - `confirmed`: the broker has the message, on disk if a durable queue matched
 * - `returned`: the message was `mandatory` and matched no queue
 * - `nacked`: the broker could not accept the message: a full queue refused it, or the broker had an internal error
 * - `refused`: the message was never sent (`invalid`, `full`, `aborted`, `closed`, `credentials`, `vhost`), or the
 *   broker refused it (`forbidden`, `not-found`, `mismatch`); see `error.kind`
 * - `expired`: no confirmation came before the deadline (`connection`), before the signal was aborted (`aborted`) or
 *   before the end of `close` (`closed`). The message may have arrived.
 */
export type PublishResult =
  | { readonly status: 'confirmed' }
  | { readonly status: 'returned' | 'nacked' | 'refused' | 'expired'; readonly error: PulseError };

/** The current state of publishing. */
export interface PublishGauge {
  /** Messages not sent yet: no connection, the broker accepts nothing at the moment, or too many are unconfirmed. */
  readonly waiting: number;
  readonly waitingBytes: number;
  /** Messages sent but not confirmed, including those whose deadline has passed. */
  readonly unconfirmed: number;
}
