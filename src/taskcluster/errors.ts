import { ServiceError, type ServiceErrorKind } from '../base/index.ts';
import { BadAnswer, type ApiAnswer } from './request.ts';

/** Makes a `ServiceError` of whatever kept a call from its answer: a network error has a `code`, a mistake has none. */
export function serviceError(call: string, error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  if (error instanceof BadAnswer) return new ServiceError('unavailable', `${call}: ${error.message}`);
  const { code, message } = error as NodeJS.ErrnoException;
  return new ServiceError(code === undefined ? 'refused' : 'unreachable', `${call}: ${message}`);
}

/**
 * The body of an answer.
 *
 * @param hasOutput whether the call's answer has a body; the queue answers some calls, such as `finishArtifact`, with none
 * @throws ServiceError for an answer that is a refusal. A redirect, a missing body, a page of somebody else's is one as well:
 * a report that a proxy swallowed must not count as made.
 */
export function answerOf(call: string, answer: ApiAnswer, hasOutput = true): unknown {
  const { statusCode, body, isEmpty } = answer;
  if (statusCode < 300 && body !== undefined && body !== null) return body;
  if (statusCode < 300 && isEmpty && !hasOutput) return undefined;
  if (statusCode < 400) throw new ServiceError('unavailable', `${call}: the answer is not one of the queue`);
  const { code, message } = (body ?? {}) as { code?: unknown; message?: unknown };
  // The queue's own refusals have a code. One without is a page of whatever stands before the queue.
  const kind = typeof code === 'string' ? kindOf(statusCode) : 'unavailable';
  const text = typeof message === 'string' ? readable(message) : 'an error without a message';
  throw new ServiceError(kind, `${call}: ${text} (${statusCode})`, statusCode);
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

function kindOf(statusCode: number): ServiceErrorKind {
  if (statusCode === 409) return 'conflict';
  if (statusCode === 401 || statusCode === 403) return 'forbidden';
  if (statusCode === 429 || statusCode >= 500) return 'unavailable';
  return 'refused';
}
