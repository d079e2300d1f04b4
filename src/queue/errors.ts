import { BadAnswer, type ApiAnswer } from './request.ts';

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

/** Makes a `QueueError` of whatever kept a call from its answer: a network error has a `code`, a mistake has none. */
export function queueError(call: string, error: unknown): QueueError {
  if (error instanceof QueueError) return error;
  if (error instanceof BadAnswer) return new QueueError('unavailable', `${call}: ${error.message}`);
  const { code, message } = error as NodeJS.ErrnoException;
  return new QueueError(code === undefined ? 'refused' : 'unreachable', `${call}: ${message}`);
}

/**
 * The body of an answer.
 *
 * @throws QueueError for an answer that is a refusal. A redirect, an empty body, a page of somebody else's is one as well:
 * no call that a worker makes has such an answer, and a report that a proxy swallowed must not count as made.
 */
export function answerOf(call: string, { statusCode, body }: ApiAnswer): unknown {
  if (statusCode < 300 && body !== undefined && body !== null) return body;
  if (statusCode < 400) throw new QueueError('unavailable', `${call}: the answer is not one of the queue`);
  const { code, message } = (body ?? {}) as { code?: unknown; message?: unknown };
  // The queue's own refusals have a code. One without is a page of whatever stands before the queue.
  const kind = typeof code === 'string' ? kindOf(statusCode) : 'unavailable';
  const text = typeof message === 'string' ? readable(message) : 'an error without a message';
  throw new QueueError(kind, `${call}: ${text} (${statusCode})`, statusCode);
}

const LONGEST_MESSAGE = 2_000;

/**
 * What the queue says, as it can be shown to a person. It appends a block of details after a line of dashes; the first
 * part says it all.
 */
function readable(message: string): string {
  const end = message.indexOf('\n---\n');
  const text = (end === -1 ? message : message.slice(0, end)).trim();
  const cut = text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}…` : text;

  return cut.replaceAll(/(?!\n)\p{Cc}/gu, ' ');
}

function kindOf(statusCode: number): QueueErrorKind {
  if (statusCode === 409) return 'conflict';
  if (statusCode === 401 || statusCode === 403) return 'forbidden';
  if (statusCode === 429 || statusCode >= 500) return 'unavailable';
  return 'refused';
}
