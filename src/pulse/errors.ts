/**
 * The kind of a failure:
 *
 * - `credentials`: the broker refused the user or the password (AMQP 403 at login). A retry would not help.
 * - `vhost`: the virtual host does not exist, or the user may not use it (AMQP 530).
 * - `forbidden`: the user lacks the permission (AMQP 403).
 * - `not-found`: the exchange or queue does not exist (AMQP 404).
 * - `locked`: another connection holds the queue exclusively (AMQP 405).
 * - `mismatch`: the queue or exchange exists with different arguments (AMQP 406), the message is larger than the
 *   broker allows (AMQP 406), or the broker closes the connection each time it receives the message.
 * - `invalid`: this library refused a bad option, name, key, URL, header or body before it sent any frame.
 * - `nacked`: the broker could not accept a message: a full queue refused it, or the broker had an internal error.
 * - `returned`: a `mandatory` message matched no queue (AMQP 312).
 * - `full`: too many messages wait to be published.
 * - `timeout`: a handler took longer than its `timeoutMs`.
 * - `connection`: the broker cannot be reached, or the connection or channel was lost. A retry may succeed.
 * - `aborted`: the caller's `AbortSignal` was aborted; `cause` is its reason.
 * - `closed`: `close()` was called.
 */
export type PulseErrorKind =
  | 'credentials'
  | 'vhost'
  | 'forbidden'
  | 'not-found'
  | 'locked'
  | 'mismatch'
  | 'invalid'
  | 'nacked'
  | 'returned'
  | 'full'
  | 'timeout'
  | 'connection'
  | 'aborted'
  | 'closed';

/** Returns advice to append to the message of a refusal. */
export function advice(kind: PulseErrorKind, what: string): string {
  switch (kind) {
    case 'forbidden':
      return '. At Pulse a user may write only queue/<user>/… and exchange/<user>/…, and read every exchange/…';
    case 'not-found':
      return what.includes('no exchange') ? '. Check its name; its owner must declare it first' : '';
    case 'mismatch':
      if (!what.includes('exists with other arguments')) return '';
      return what.startsWith('queue')
        ? '. A queue cannot be changed: use another name, or delete it first'
        : '. An exchange cannot be changed: use another name, or delete it first';
    case 'locked':
      return '. Another connection uses the queue exclusively: use another name';
    default:
      return '';
  }
}

/** The only error class of this library. The message names the problem and the fix. It contains no secret. */
export class PulseError extends Error {
  override readonly name = 'PulseError';
  readonly kind: PulseErrorKind;

  constructor(kind: PulseErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }

  /** Whether a retry of the same call may succeed. */
  get transient(): boolean {
    return this.kind === 'connection' || this.kind === 'locked';
  }
}
