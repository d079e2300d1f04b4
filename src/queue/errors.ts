/**
 * What the queue's answer means to a worker:
 *
 * - `conflict` (409): the run is over, or the thing exists otherwise. Final.
 * - `forbidden` (401, 403): these credentials may not do that. Final.
 * - `refused` (any other 4xx, or a request that could not be made): it is wrong and would be again. Final.
 * - `unavailable` (429, 5xx, or an answer that is not the queue's): the service can not answer now.
 * - `unreachable`: there was no answer: network, DNS, TLS, or it took too long.
 */
export type QueueErrorKind = 'conflict' | 'forbidden' | 'refused' | 'unavailable' | 'unreachable';

/** A call of the queue that failed, after the retries that its policy allows. */
export class QueueError extends Error {
  override readonly name = 'QueueError';
  readonly kind: QueueErrorKind;
  readonly statusCode: number | undefined;

  constructor(kind: QueueErrorKind, message: string, statusCode?: number) {
    super(message);
    this.kind = kind;
    this.statusCode = statusCode;
  }

  /**
   * Whether the queue does not believe who calls (401), and waiting does not mend that. Other 401s are a matter of time: a
   * clock that is far off ("Stale timestamp"), a certificate that is not valid yet.
   */
  get isUnauthenticated(): boolean {
    return this.statusCode === 401 && this.kind === 'forbidden' && !this.isAboutTime;
  }

  /** Whether a call was refused (401) because this machine's clock, or the start of a certificate, is off. */
  get isAboutTime(): boolean {
    return this.statusCode === 401 && /stale timestamp|certificate\.start|not count yet/i.test(this.message);
  }

  /** Whether the same call may work later. */
  get transient(): boolean {
    return this.kind === 'unavailable' || this.kind === 'unreachable';
  }
}

/**
 * Reads what taskcluster-client rejects with: an error with `statusCode`, a network error with `code`, or a mistake of
 * the caller. It does not become the `cause`: it holds the request, and with that the credentials.
 */
export function queueError(call: string, error: unknown): QueueError {
  if (error instanceof QueueError) return error;
  if (isBrokenOff(error)) return new QueueError('unreachable', `${call}: the answer broke off`);
  const { statusCode, code, message } = error as { statusCode?: number; code?: string; message?: string };
  // The queue appends a block of details after a line of dashes; the first part says it all.
  const text = `${call}: ${(message ?? String(error)).split('\n---\n')[0]?.trim() ?? ''}`;
  if (statusCode !== undefined) {
    // The queue's own refusals have a code. One without is a page of whatever stands before the queue.
    const kind = code === NO_CODE ? 'unavailable' : kindOf(statusCode);
    return new QueueError(kind, `${text} (${statusCode})`, statusCode);
  }
  return new QueueError(code === undefined ? 'refused' : 'unreachable', text);
}

/** What taskcluster-client says where an answer has none. */
const NO_CODE = 'UnknownError';

/** taskcluster-client stumbles over an answer without a body, since the connection was lost before its end. */
function isBrokenOff(error: unknown): boolean {
  return error instanceof TypeError && !('code' in error);
}

/**
 * A redirect, an empty body, a page of somebody else's: taskcluster-client resolves with nothing for each of them. No
 * call that a worker makes has such an answer, and a report that a proxy swallowed must not count as made.
 */
export function noAnswer(call: string): QueueError {
  return new QueueError('unavailable', `${call}: the answer is not one of the queue`);
}

function kindOf(statusCode: number): QueueErrorKind {
  if (statusCode === 409) return 'conflict';
  if (statusCode === 401 || statusCode === 403) return 'forbidden';
  // Below 400 it is JSON that could not be read.
  if (statusCode === 429 || statusCode >= 500 || statusCode < 400) return 'unavailable';
  return 'refused';
}
