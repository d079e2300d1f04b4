/**
 * What the queue's answer means to a worker:
 *
 * - `conflict` (409): the run is over, or the thing exists otherwise. Final.
 * - `forbidden` (401, 403): these credentials may not do that. Final.
 * - `refused` (any other 4xx): the request is wrong and would be again. Final.
 * - `unavailable` (429, 5xx): the service can not answer now.
 * - `unreachable`: there was no answer: network, DNS, TLS, or it took too long.
 */
export type QueueErrorKind = 'conflict' | 'forbidden' | 'refused' | 'unavailable' | 'unreachable';

/** A call of the queue that failed, after the retries that its policy allows. */
export class QueueError extends Error {
  override readonly name = 'QueueError';
  readonly kind: QueueErrorKind;
  readonly statusCode: number | undefined;

  constructor(kind: QueueErrorKind, message: string, statusCode?: number, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
    this.statusCode = statusCode;
  }

  /** Whether the same call may work later. */
  get transient(): boolean {
    return this.kind === 'unavailable' || this.kind === 'unreachable';
  }
}

/** Reads what taskcluster-client rejects with: an error with `statusCode`, or a network error without. */
export function queueError(call: string, error: unknown): QueueError {
  const { statusCode, message } = error as { statusCode?: number; message?: string };
  // The queue appends a block of details after a line of dashes; the first part says it all.
  const text = `${call}: ${(message ?? String(error)).split('\n---\n')[0]?.trim() ?? ''}`;
  if (statusCode === undefined) return new QueueError('unreachable', text, undefined, { cause: error });
  return new QueueError(kindOf(statusCode), `${text} (${statusCode})`, statusCode);
}

function kindOf(statusCode: number): QueueErrorKind {
  if (statusCode === 409) return 'conflict';
  if (statusCode === 401 || statusCode === 403) return 'forbidden';
  if (statusCode === 429 || statusCode >= 500) return 'unavailable';
  return 'refused';
}
