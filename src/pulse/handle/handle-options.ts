import type { OnBadMessage } from '../consume/consume-options.ts';
import type { PulseMessage } from '../consume/message.ts';
import type { RetryPolicy } from './retry-policy.ts';

/** Options for handling messages one by one or in batches. */
export interface CommonHandleOptions {
  /**
   * How many handler calls run at a time. Default: 10. The consumer's default prefetch is twice this number of
   * messages (or batches).
   */
  readonly concurrency?: number | undefined;
  /** How failed messages are retried. `false`: a single attempt. */
  readonly retry?: Partial<RetryPolicy> | false | undefined;
  /**
   * Time limit for one handler call, in ms. When it passes, the call's `signal` is aborted, and its messages count as
   * failed (PulseError `timeout`) and are retried. A handler that ignores the signal keeps running, but its result is
   * ignored. Default: no limit.
   */
  readonly timeoutMs?: number | undefined;
  /** How messages with a bad body are settled. Default: the consumer's `onBadMessage`. */
  readonly onBadMessage?: OnBadMessage | undefined;
  /** Requires that the queue keeps messages that are given up. If it keeps no dead letters, the error is `invalid`. */
  readonly deadLetter?: boolean | undefined;
  /** Receives events that concern all handlers. If it throws, RxJS reports the error and handling continues. */
  readonly onEvent?: ((event: HandleEvent) => void) | undefined;
}

/** Options for handling messages one by one. */
export interface HandleOptions extends CommonHandleOptions {
  readonly batch?: undefined;
  /** Wraps each handler call, for example to trace or measure it. */
  readonly around?: Around | undefined;
}

/** Options for handling messages in batches; see {@link BatchHandler}. */
export interface BatchHandleOptions extends CommonHandleOptions {
  readonly batch: BatchOptions;
  readonly around?: undefined;
}

/** How messages are collected into batches. */
export interface BatchOptions {
  /** Maximum number of messages in a batch: 1 to 10,000. */
  readonly size: number;
  /** How long a batch waits to fill up, in ms. After that, a smaller batch is handled. Default: 1,000. */
  readonly waitMs?: number | undefined;
}

/**
 * Wraps a handler call. It must call `run` once and return its result. Its own errors count as the handler's errors.
 */
export type Around = (message: PulseMessage, context: HandlerContext, run: () => unknown) => unknown;

/** An event that concerns all handlers. */
export type HandleEvent =
  /** All handlers fail. The circuit breaker pauses for `ms` and then tries one message. */
  | { readonly type: 'paused'; readonly ms: number }
  /** A handler has succeeded again. */
  | { readonly type: 'resumed' }
  /**
   * So many messages wait for a retry that they use up the prefetch and delay others. Emitted once, and again only
   * after the number has halved.
   */
  | { readonly type: 'crowded'; readonly waiting: number }
  /** The number of failed attempts could not be stored at the broker (see `handle`), so a restart would lose it. */
  | { readonly type: 'not-counted'; readonly message: PulseMessage };

/** The second argument of a handler. */
export interface HandlerContext {
  /** The number of this attempt, from 1. */
  readonly attempt: number;
  /** Whether the message is given up if this attempt fails. */
  readonly lastAttempt: boolean;
  /**
   * Aborted when the result no longer matters: the call has timed out, the message's channel was lost, or the result
   * stream was unsubscribed.
   */
  readonly signal: AbortSignal;
}

/** The second argument of a batch handler. */
export type BatchContext = Pick<HandlerContext, 'signal'>;

/**
 * Handles one message. If it returns or resolves, the message is acknowledged, unless the result is a `Verdict`. If it
 * throws or rejects, the message is retried.
 */
export type Handler<M> = (message: M, context: HandlerContext) => unknown;

/**
 * Handles several messages. If it returns or resolves, all messages are acknowledged. If it throws or rejects, all
 * are retried, each with its own number of attempts.
 *
 * To settle messages individually, return an array with one entry per message, in order. An entry is a `Verdict` or a
 * result of `Promise.allSettled`. A rejected entry fails only its own message. If an array with a failure has another
 * number of entries, all messages are retried. Messages that the handler has settled itself stay settled.
 */
export type BatchHandler<M> = (messages: readonly M[], context: BatchContext) => unknown;

/** The result of one attempt to handle a message. */
export interface HandleResult<M> {
  readonly message: M;
  /**
   * - `acked`: handled
   * - `retried`: failed; another attempt follows
   * - `rejected`: given up and dropped
   * - `dead-lettered`: given up and kept in the dead-letter queue
   * - `requeued`: put back by the handler itself, or because the consumer was stopped
   * - `lost`: the channel was lost before the message was settled; the broker delivers it again
   */
  readonly outcome: 'acked' | 'retried' | 'rejected' | 'dead-lettered' | 'requeued' | 'lost';
  /** Number of attempts so far, including this one. */
  readonly attempts: number;
  /** Duration of the handler call, in ms. */
  readonly durationMs: number;
  /** The error that the handler threw, or the `Verdict` that it returned. */
  readonly error?: unknown;
  /** For `retried`: the delay before the next attempt, in ms. */
  readonly retryInMs?: number;
}
