import type { BodySchema } from '../body/body-check.ts';
import type { Dialect } from '../body/dialect.ts';
import type { PublishResult } from '../publish-result.ts';

/** How one message is published. */
export interface PublishOptions {
  /**
   * Additional routing keys (`CC`). A queue bound to one of them receives the message under its primary routing key.
   */
  readonly routes?: readonly string[] | undefined;
  /**
   * AMQP headers. Together with the routes they may take 64 KiB, and they must fit into one frame of the broker
   * (128 KiB, unless the broker is configured lower).
   *
   * - Whole numbers and bigints are sent as integers of up to 64 bits, other numbers as doubles.
   * - A `Date` is sent as a timestamp in whole seconds, a `Uint8Array` as bytes.
   * - Arrays and plain objects are sent as arrays and tables, nested at most 100 deep. `undefined` entries are left
   *   out.
   * - `{ '!': type, value }` sets the type explicitly, for example
   *   `{ '!': 'decimal', value: { places: 2, digits: 314 } }`.
   *
   * Any other value is refused as `invalid`, including `Infinity` and `NaN`.
   */
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  /**
   * Time limit for the broker's confirmation, in ms, including the wait for a connection. Default: 30 s. Must be
   * above 0; `Infinity` means no deadline.
   */
  readonly deadlineMs?: number | undefined;
  /** Stops waiting when aborted. The result is `refused` if the message was not sent yet, and `expired` otherwise. */
  readonly signal?: AbortSignal | undefined;
  /** Asks the broker to return the message if it matches no queue. The result is then `returned`. */
  readonly mandatory?: boolean | undefined;
  /** An id that the caller chooses. Consumers can use it to detect duplicates. */
  readonly messageId?: string | undefined;
  /** How the JSON wraps the body. Default: `bare`. */
  readonly dialect?: Dialect | undefined;
}

/** Options for all messages of a publisher. */
export interface PublisherOptions extends Pick<
  PublishOptions,
  'deadlineMs' | 'mandatory' | 'dialect' | 'headers'
> {
  /** Checks each body before it is sent: a JSON schema, or a function that returns the problems of a body. */
  readonly schema?: BodySchema | undefined;
}

/**
 * Limits for messages that wait to be sent. When a limit is reached, publishing fails at once (`full`), so the
 * process does not grow while the broker is unreachable. A body larger than `bytes` is `invalid`.
 *
 * Messages that are sent but not confirmed have a separate limit: 2,048 messages, and 16 MiB or `bytes`, whichever is
 * less. A single message of any size is always allowed. A message counts until the broker answers or the channel is
 * lost, even after its deadline, because it may still be in the socket's buffer.
 */
export interface PublishBounds {
  /** Number of messages that may wait to be sent. Default: 20,000. At least 1. */
  readonly messages: number;
  /** Total size of their bodies in bytes. Default: 64 MiB. At least 1. */
  readonly bytes: number;
}

/** A body is larger than 8 KiB, the limit that Pulse recommends. It is published anyway. */
export interface LargeBody {
  readonly type: 'large-body';
  readonly exchange: string;
  readonly routingKey: string;
  readonly bytes: number;
}

/**
 * Wraps the publishing of a message. It must call `send` once, optionally with additional headers, and return its
 * result. If it fails before calling `send`, the message is `refused` (`invalid`). If it fails afterwards, the
 * message keeps the result of `send`, and the warning `around-failed` is emitted.
 */
export type AroundPublish = (
  message: { readonly exchange: string; readonly routingKey: string; readonly body: unknown },
  send: (moreHeaders?: Readonly<Record<string, unknown>>) => Promise<PublishResult>,
) => Promise<PublishResult>;

/** `aroundPublish` failed after it had called `send`. */
export interface AroundFailed {
  readonly type: 'around-failed';
  readonly exchange: string;
  readonly routingKey: string;
  /** The error that `aroundPublish` threw. */
  readonly error: unknown;
}
