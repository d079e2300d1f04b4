import type { OnBadMessage } from '../consume/consume-options.ts';
import type { PulseMessage } from '../consume/message.ts';
import type { RetryPolicy } from './retry-policy.ts';

/** How messages are handled, one by one or in batches. */
export interface CommonHandleOptions {
  /**
   * How many calls of the handler run at a time: 10 by default. The prefetch of the consumer is twice that many messages
   * (or batches) unless it has its own.
   */
  readonly concurrency?: number | undefined;
  /** How failed messages are tried again; `false` for a single attempt. */
  readonly retry?: Partial<RetryPolicy> | false | undefined;
  /**
   * How long one call of the handler may take, in ms. Then its `signal` is aborted and its messages count as failed
   * (PulseError `timeout`): they are tried again. A handler that ignores the signal keeps running, and its result is ignored.
   * No limit by default.
   */
  readonly timeoutMs?: number | undefined;
  /** How messages with a bad body are settled: as the consumer says by default. */
  readonly onBadMessage?: OnBadMessage | undefined;
  /** Requires that messages given up are kept: an error `invalid` when the queue keeps no dead letters. */
  readonly deadLetter?: boolean | undefined;
  /** Receives events that concern all handlers. RxJS reports an error that it throws, and handling goes on. */
  readonly onEvent?: ((event: HandleEvent) => void) | undefined;
}

/** How messages are handled, one by one. */
export interface HandleOptions extends CommonHandleOptions {
  readonly batch?: undefined;
  /** Wraps each call of the handler, for example to trace or to measure it. */
  readonly around?: Around | undefined;
}

/** How messages are handled in batches; see {@link BatchHandler}. */
export interface BatchHandleOptions extends CommonHandleOptions {
  readonly batch: BatchOptions;
  readonly around?: undefined;
}

/** How messages are collected into batches. */
export interface BatchOptions {
  /** Messages in a batch, at most: 1 to 10,000. */
  readonly size: number;
  /** How long the first message of a batch waits for others, in ms: 1,000 by default. Then a smaller batch is handled. */
  readonly waitMs?: number | undefined;
}

/** Must call `run` once and return its result. An error that it throws counts as the handler's. */
export type Around = (message: PulseMessage, context: HandlerContext, run: () => unknown) => unknown;

/** An event that concerns all handlers. */
export type HandleEvent =
  /** All handlers fail. The circuit breaker starts none for `ms`, then tries one message. */
  | { readonly type: 'paused'; readonly ms: number }
  /** A handler has succeeded again. */
  | { readonly type: 'resumed' }
  /**
   * So many messages wait for another attempt that they use up the prefetch and delay others. Emitted once, and again after
   * the number has halved.
   */
  | { readonly type: 'crowded'; readonly waiting: number }
  /** The number of failed attempts could not be stored at the broker (see `handle`): a restart would forget it. */
  | { readonly type: 'not-counted'; readonly message: PulseMessage };

/** What a handler gets beside its message. */
export interface HandlerContext {
  /** The number of this attempt, from 1. */
  readonly attempt: number;
  /** Whether a failure of this attempt gives the message up. */
  readonly lastAttempt: boolean;
  /**
   * Aborted when the result no longer matters: the call has timed out, the message's channel was lost, or the stream of
   * results was unsubscribed.
   */
  readonly signal: AbortSignal;
}

/** What a batch handler gets beside its messages. */
export type BatchContext = Pick<HandlerContext, 'signal'>;

/**
 * Handles one message. When it returns or resolves, the message is acknowledged, unless it returns a `Verdict`. When it
 * throws, the message is tried again.
 */
export type Handler<M> = (message: M, context: HandlerContext) => unknown;

/**
 * Handles several messages. When it returns or resolves, all are acknowledged; when it throws, all are tried again, each by
 * its own count of attempts.
 *
 * To settle them differently, return an array with an entry for each message, in their order: a `Verdict`, or an entry of
 * `Promise.allSettled`. A rejected entry fails its message alone. A message that the handler has settled itself stays so.
 */
export type BatchHandler<M> = (messages: readonly M[], context: BatchContext) => unknown;

/** The result of one attempt to handle a message. */
export interface HandleResult<M> {
  readonly message: M;
  /**
   * - `acked`: handled
   * - `retried`: failed; another attempt follows
   * - `rejected`: given up and dropped
   * - `dead-lettered`: given up and kept in the dead-letter queue of its queue
   * - `requeued`: put back by the handler itself, or because the consumer was stopped
   * - `lost`: its channel was lost first; the broker delivers it again
   */
  readonly outcome: 'acked' | 'retried' | 'rejected' | 'dead-lettered' | 'requeued' | 'lost';
  /** Attempts so far, including this one. */
  readonly attempts: number;
  /** How long the handler took, in ms. */
  readonly durationMs: number;
  /** The error that the handler threw, or the `Verdict` that it returned. */
  readonly error?: unknown;
  /** For `retried`: how long the message waits, in ms. */
  readonly retryInMs?: number;
}
