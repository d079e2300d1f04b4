import { randomUUID } from 'node:crypto';

import { ApiError, STATUS_OF, type ErrorCode } from '../errors.ts';

/** An answer to a caller. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The part of an error answer that describes the call. */
export interface CallInformation {
  /** The call's name: `createTask`. */
  readonly method: string;
  readonly params: Readonly<Record<string, string>>;
  readonly payload: unknown;
}

/** Headers of every answer. */
const HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'cache-control': 'no-store no-cache must-revalidate',
  'x-content-type-options': 'nosniff',
  'access-control-allow-origin': '*',
};

/** Longer answers are not indented, because nested lists would become a thousand times as long. */
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

/** Creates a successful answer without content. */
export function emptyAnswer(): Answer {
  const { 'content-type': _type, ...headers } = HEADERS;
  return { status: 204, headers, body: '' };
}

/** Creates the answer to an error. If it is not the caller's fault, the answer contains only a number. */
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

/** A longer payload is not repeated to the caller. */
const MAX_SHOWN_PAYLOAD = 2_000;
const LONGEST_TEXT = 6_000;

function isSmall(payload: unknown): boolean {
  return [undefined, 2].every(indent => JSON.stringify(payload, null, indent).length <= MAX_SHOWN_PAYLOAD);
}

function explain(error: unknown): { code: ErrorCode; text: string } {
  if (error instanceof ApiError) {
    const { code, message } = error;
    return { code, text: message.length > LONGEST_TEXT ? `${message.slice(0, LONGEST_TEXT)}…` : message };
  }
  return { code: 'InternalServerError', text: `Internal Server Error, incidentId ${randomUUID()}.` };
}
