import { randomUUID } from 'node:crypto';

import { ApiError, STATUS_OF, type ErrorCode } from '../errors.ts';

/** What goes back to a caller. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What an error is answered with besides the error: the call as it was understood. */
export interface CallInformation {
  /** The call's name: `createTask`. */
  readonly method: string;
  readonly params: Readonly<Record<string, string>>;
  readonly payload: unknown;
}

/** Every answer of the API has these. */
const HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'cache-control': 'no-store no-cache must-revalidate',
  'x-content-type-options': 'nosniff',
  'access-control-allow-origin': '*',
};

export function jsonAnswer(status: number, headers: Answer['headers'], body: unknown): Answer {
  return { status, headers: { ...HEADERS, ...headers }, body: JSON.stringify(body, null, 2) };
}

/** Success, and nothing to say of it. */
export function emptyAnswer(): Answer {
  const { 'content-type': _type, ...headers } = HEADERS;
  return { status: 204, headers, body: '' };
}

/** Turns whatever was thrown into an answer. What the caller is not to blame for says nothing but a number. */
export function errorAnswer(error: unknown, call: CallInformation, time: string): Answer {
  const { code, text } = explain(error);
  const status = STATUS_OF[code];
  const lines = [
    text,
    '',
    '---',
    '',
    `* method:     ${call.method}`,
    `* errorCode:  ${code}`,
    `* statusCode: ${status}`,
    `* time:       ${time}`,
  ];
  const headers = code === 'AuthenticationFailed' ? { 'www-authenticate': 'hawk' } : undefined;
  return jsonAnswer(
    status,
    { ...headers },
    {
      code,
      message: lines.join('\n'),
      requestInfo: { ...call, time },
    },
  );
}

function explain(error: unknown): { code: ErrorCode; text: string } {
  if (error instanceof ApiError) return { code: error.code, text: error.message };
  return { code: 'InternalServerError', text: `Internal Server Error, incidentId ${randomUUID()}.` };
}
