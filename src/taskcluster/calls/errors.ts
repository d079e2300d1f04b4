import { ServiceError, type ServiceErrorKind } from '../../base/index.ts';
import { BadAnswer, type ApiAnswer } from './request.ts';

/**
 * Converts the error that made a call fail into a `ServiceError`. A network error has a `code`; a mistake in the call,
 * such as unusable credentials, has none.
 */
export function serviceError(call: string, error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  if (error instanceof BadAnswer) return new ServiceError('unavailable', `${call}: ${error.message}`);
  const { code, message } = error as NodeJS.ErrnoException;
  return new ServiceError(code === undefined ? 'refused' : 'unreachable', `${call}: ${message}`);
}

/**
 * Returns the body of an answer.
 *
 * @param hasOutput whether the answer should have a body; the queue answers some calls, such as `finishArtifact`,
 * without one
 * @throws ServiceError if the call was refused. A redirect, a missing body or another server's page counts as a refusal
 * too, because a report that a proxy swallowed must not count as made.
 */
export function answerOf(call: string, answer: ApiAnswer, hasOutput = true): unknown {
  const { statusCode, body, isEmpty } = answer;
  if (statusCode < 300 && body !== undefined && body !== null) return body;
  if (statusCode < 300 && isEmpty && !hasOutput) return undefined;
  if (statusCode < 400) throw new ServiceError('unavailable', `${call}: the answer is not one of the queue`);
  const { code, message } = (body ?? {}) as { code?: unknown; message?: unknown };
  // The queue's own errors have a code. An error without one comes from a proxy in front of the queue.
  const kind = typeof code === 'string' ? kindOf(statusCode) : 'unavailable';
  const text = typeof message === 'string' ? readable(message) : 'an error without a message';
  throw new ServiceError(kind, `${call}: ${text} (${statusCode})`, statusCode);
}

const LONGEST_MESSAGE = 2_000;

/**
 * Makes an error message of the queue fit to show to a person. The queue appends details after a line of dashes; the
 * part before that line is complete by itself.
 */
function readable(message: string): string {
  const end = message.indexOf('\n---\n');
  const text = (end === -1 ? message : message.slice(0, end)).trim();
  const cut = text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}…` : text;

  return cut.replaceAll(/(?!\n)\p{Cc}/gu, ' ');
}

function kindOf(statusCode: number): ServiceErrorKind {
  if (statusCode === 409) return 'conflict';
  if (statusCode === 401 || statusCode === 403) return 'forbidden';
  if (statusCode === 429 || statusCode >= 500) return 'unavailable';
  return 'refused';
}
