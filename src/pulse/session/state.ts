import type { PulseError } from '../errors.ts';

/** How the connection is, told apart from the messages that it carries. */
export type PulseState =
  | { readonly name: 'connecting' }
  | { readonly name: 'connected' }
  /** Connected, but the broker takes no messages (memory or disk alarm). Consuming goes on. */
  | { readonly name: 'blocked'; readonly reason: string }
  /** Lost or not yet had; tried again in `retryInMs`. */
  | { readonly name: 'waiting'; readonly error: PulseError; readonly retryInMs: number }
  /** Given up at the first connect: the broker refused us, and would again. */
  | { readonly name: 'failed'; readonly error: PulseError }
  | { readonly name: 'closed' };
