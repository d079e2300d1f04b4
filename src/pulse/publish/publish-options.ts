import type { BodySchema } from '../body/body-check.ts';
import type { Dialect } from '../body/dialect.ts';
import type { PublishResult } from '../publish-result.ts';

/** How one message is published. */
export interface PublishOptions {
  /** Further routing keys (`CC`): a queue bound to one of them gets the message under its primary key. */
  readonly routes?: readonly string[] | undefined;
  /**
   * At most 64 KiB together, routes included, and no more than one frame of the broker holds (128 KiB, unless it is set lower).
   *
   * Whole numbers and bigints are sent as integers of up to 64 bits, other numbers as doubles, a `Date` as a timestamp of
   * whole seconds, a `Uint8Array` as bytes, arrays and plain objects as arrays and tables, up to 100 deep. Entries that are
   * `undefined` are left out. `{ '!': type, value }` names the type itself, such as `{ '!': 'decimal', value: { places: 2,
   * digits: 314 } }`. Whatever else there is, `Infinity` and `NaN` among it, is refused as `invalid`.
   */
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  /**
   * Until the broker has confirmed, in ms; waiting for a connection counts. 30 s by default. It has to be above 0;
   * `Infinity` is no deadline.
   */
  readonly deadlineMs?: number | undefined;
  /** Stops waiting when it is aborted: the result is `refused` if the message was not sent yet, and `expired` otherwise. */
  readonly signal?: AbortSignal | undefined;
  /** Asks for the message back if it matches no queue: `returned`. */
  readonly mandatory?: boolean | undefined;
  /** An id of the caller's own, by which consumers may know a repetition. */
  readonly messageId?: string | undefined;
  /** How the body is to lie in its JSON: `bare` by default. */
  readonly dialect?: Dialect | undefined;
}

/** A publisher of one exchange: what holds for each of its messages. */
export interface PublisherOptions extends Pick<
  PublishOptions,
  'deadlineMs' | 'mandatory' | 'dialect' | 'headers'
> {
  /** Looked at before anything is sent: a JSON schema, or a function that returns what is wrong with a body. */
  readonly schema?: BodySchema | undefined;
}

/**
 * What a publisher does not take: it fails fast (`full`) instead of growing while the broker is away. A body that is larger
 * than `bytes` is `invalid`.
 *
 * What is sent and not confirmed is bounded too, beside that: by 2,048 messages, and by 16 MiB or `bytes`, whichever is
 * less; one message of any size may be under way. A message counts there until the broker has answered or the channel is
 * lost, also when its deadline has passed, for it may still lie in the socket.
 */
export interface PublishBounds {
  /** Messages that wait to be sent: 20,000 by default. At least 1. */
  readonly messages: number;
  /** Bytes of their bodies: 64 MiB by default. At least 1. */
  readonly bytes: number;
}

/** A body larger than the 8 KiB that Pulse asks everybody to stay below. It is published all the same. */
export interface LargeBody {
  readonly type: 'large-body';
  readonly exchange: string;
  readonly routingKey: string;
  readonly bytes: number;
}

/**
 * Must call `send` once, perhaps with more headers, and return its result. If it fails before that, the message is `refused`
 * (`invalid`). If it fails afterwards, the message keeps its own result, and `around-failed` is a warning.
 */
export type AroundPublish = (
  message: { readonly exchange: string; readonly routingKey: string; readonly body: unknown },
  send: (moreHeaders?: Readonly<Record<string, unknown>>) => Promise<PublishResult>,
) => Promise<PublishResult>;

/** `aroundPublish` failed after it had sent its message. */
export interface AroundFailed {
  readonly type: 'around-failed';
  readonly exchange: string;
  readonly routingKey: string;
  /** The error that it threw. */
  readonly error: unknown;
}
