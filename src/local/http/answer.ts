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

/** What is longer is not indented: lists in lists would become a thousand times as long. */
const LONGEST_INDENTED = 16 * 1024;

export function jsonAnswer(status: number, headers: Answer['headers'], body: unknown): Answer {
  const text = JSON.stringify(body);
  const isShort = text.length <= LONGEST_INDENTED;
  return {
    status,
    headers: { ...HEADERS, ...headers },
    body: isShort ? JSON.stringify(body, null, 2) : text,
  };
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
  const payload = isSmall(call.payload) ? call.payload : {};
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
      requestInfo: { ...call, payload, time },
    },
  );
}

/** What a caller sent is told to it again only where it is short. */
const LONGEST_TOLD_PAYLOAD = 2_000;
const LONGEST_TEXT = 6_000;

function isSmall(payload: unknown): boolean {
  return [undefined, 2].every(indent => JSON.stringify(payload, null, indent).length <= LONGEST_TOLD_PAYLOAD);
}

function explain(error: unknown): { code: ErrorCode; text: string } {
  if (error instanceof ApiError) {
    const { code, message } = error;
    return { code, text: message.length > LONGEST_TEXT ? `${message.slice(0, LONGEST_TEXT)}…` : message };
  }
  return { code: 'InternalServerError', text: `Internal Server Error, incidentId ${randomUUID()}.` };
}
