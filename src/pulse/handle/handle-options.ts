import type { OnBadMessage } from '../consume/consume-options.ts';
import type { PulseMessage } from '../consume/message.ts';
import type { RetryPolicy } from './retry-policy.ts';

/** How messages are handled. */
export interface HandleOptions {
  /**
   * How many handlers run at a time, of messages that are held: 10 by default. The prefetch of the `consume` before
   * it is twice that.
   */
  readonly concurrency?: number;
  /** Of handlers that throw or say `retryLater`; `false` for a single try. */
  readonly retry?: Partial<RetryPolicy> | false;
  /** What becomes of a message whose body is bad: as `consume` says unless given here. */
  readonly onBadMessage?: OnBadMessage;
  /** Insist that messages given up are kept: an error `invalid` when the queue keeps no dead letters. */
  readonly deadLetter?: boolean;
  /** What happens to all handlers together. What it throws is reported as RxJS does it, and ends nothing. */
  readonly onEvent?: (event: HandleEvent) => void;
  /** Runs each handler, for one who wants to be around it: to trace it, to measure it, to give it a context. */
  readonly around?: Around;
}

/** Has to call `run` once, and to return what that does. What it throws counts as the handler's. */
export type Around = (message: PulseMessage, context: HandlerContext, run: () => unknown) => unknown;

/** What happens to all handlers together. */
export type HandleEvent =
  /** All handlers fail: none starts for so long, in ms, then one is tried. */
  | { readonly type: 'paused'; readonly ms: number }
  /** One has succeeded again. */
  | { readonly type: 'resumed' }
  /**
   * So many messages wait for another try that they take places of the prefetch, and others come late. Told once, and
   * again after they had become half as many.
   */
  | { readonly type: 'crowded'; readonly waiting: number }
  /** A failure could not be written down at the broker (see `handle`): a restart would forget it. */
  | { readonly type: 'not-counted'; readonly message: PulseMessage };

/** What a handler is told beside its message. */
export interface HandlerContext {
  /** Which try this is, from 1. */
  readonly attempt: number;
  /** Whether no other try follows when this one fails. */
  readonly lastAttempt: boolean;
  /** Aborted when the result can make no difference any more: the message's channel has gone, or the stream was left. */
  readonly signal: AbortSignal;
}

/** Done with the message when it returns or resolves, unless with a `Verdict`. A throw is tried again. */
export type Handler<M> = (message: M, context: HandlerContext) => unknown;

/** What became of one message, at one try. */
export interface HandleResult<M> {
  readonly message: M;
  /**
   * - `acked`: handled
   * - `retried`: failed; it waits for another try
   * - `rejected`: given up, and dropped
   * - `dead-lettered`: given up, and kept in its queue's queue of dead letters
   * - `requeued`: put back by the handler itself, or because the stream was stopped
   * - `lost`: its channel went before; the broker delivers it again
   */
  readonly outcome: 'acked' | 'retried' | 'rejected' | 'dead-lettered' | 'requeued' | 'lost';
  /** Tries so far, this one included. */
  readonly attempts: number;
  /** How long the handler took, in ms. */
  readonly durationMs: number;
  /** What it threw, or the `Verdict` that it returned. */
  readonly error?: unknown;
  /** Of `retried`: how long it waits, in ms. */
  readonly retryInMs?: number;
}
