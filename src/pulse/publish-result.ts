import type { PulseError } from './errors.ts';

/**
 * The result of publishing a message.
 *
 * - `confirmed`: the broker has it, on disk if a durable queue matched
 * - `returned`: it was `mandatory` and matched no queue
 * - `nacked`: the broker could not take it: a queue is full and refuses, or the broker had an internal error
 * - `refused`: it was never sent (`invalid`, `full`, `aborted`, `closed`, `credentials`, `vhost`), or the broker refused it
 *   (`forbidden`, `not-found`, `mismatch`); see `error.kind`
 * - `expired`: no confirmation came before the deadline (`connection`), before its signal was aborted (`aborted`) or before the
 *   end of `close` (`closed`). It may have arrived.
 */
export type PublishResult =
  | { readonly status: 'confirmed' }
  | { readonly status: 'returned' | 'nacked' | 'refused' | 'expired'; readonly error: PulseError };

/** What waits to be published at a moment. */
export interface PublishGauge {
  /** Messages not sent yet: there is no connection, the broker accepts nothing now, or too many are unconfirmed. */
  readonly waiting: number;
  readonly waitingBytes: number;
  /** Messages sent and not confirmed, including those whose deadline has passed. */
  readonly unconfirmed: number;
}
