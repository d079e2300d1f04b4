import type { PulseError } from '../errors.ts';

/** The state of the connection. */
export type PulseState =
  | { readonly name: 'connecting' }
  | { readonly name: 'connected' }
  /** Connected, but the broker accepts no messages (memory or disk alarm). Consuming continues. */
  | { readonly name: 'blocked'; readonly reason: string }
  /** Not connected. The next attempt follows in `retryInMs`. */
  | { readonly name: 'waiting'; readonly error: PulseError; readonly retryInMs: number }
  /** The broker refused the first connection, and a retry would not help. */
  | { readonly name: 'failed'; readonly error: PulseError }
  | { readonly name: 'closed' };
