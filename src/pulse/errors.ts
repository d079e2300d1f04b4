/**
 * What went wrong, in the words a caller decides by:
 *
 * - `credentials`: the broker refused user or password (AMQP 403 at login). Trying again would not help.
 * - `vhost`: the virtual host does not exist or is not ours (AMQP 530).
 * - `forbidden`: this user may not do that (AMQP 403).
 * - `not-found`: no such exchange or queue (AMQP 404).
 * - `locked`: somebody else holds the queue exclusively (AMQP 405).
 * - `mismatch`: the broker goes by other terms: the queue or exchange exists with other arguments, the message is
 *   larger than it takes (AMQP 406), or the broker ends the connection each time that it gets the message.
 * - `invalid`: refused here, before any frame was sent: a bad name, key, URL, header or body.
 * - `nacked`: the broker could not take a message: its queue is full and refuses, or it has an error of its own.
 * - `returned`: a `mandatory` message was wanted by no queue (AMQP 312).
 * - `full`: more messages wait to be published than may.
 * - `connection`: the broker cannot be reached, or the connection or channel was lost. Worth another try.
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
  | 'connection'
  | 'closed';

/** What to do about a refusal, to be said after what was refused. */
export function advice(kind: PulseErrorKind, what: string): string {
  switch (kind) {
    case 'forbidden':
      return '. At Pulse a user may write only queue/<user>/… and exchange/<user>/…, and read every exchange/…';
    case 'not-found':
      return what.includes('no exchange') ? '. Check its name; its owner has to declare it first' : '';
    case 'mismatch':
      if (!what.includes('exists with other arguments')) return '';
      return what.startsWith('queue')
        ? '. A queue never changes: give it another name, or delete it first'
        : '. An exchange never changes: take another name, or delete it first';
    case 'locked':
      return '. Another connection holds the queue for itself: use another name';
    default:
      return '';
  }
}

/** The one error class of this library. The message names what was wrong and what to do; it holds no secret. */
export class PulseError extends Error {
  override readonly name = 'PulseError';
  readonly kind: PulseErrorKind;

  constructor(kind: PulseErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }

  /** Whether the same thing may work later, with nothing changed but time. */
  get transient(): boolean {
    return this.kind === 'connection' || this.kind === 'locked';
  }
}
