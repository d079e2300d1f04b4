import type { ShellRequest } from '../../../taskcluster/index.ts';
import type { Inbox } from './inbox.ts';

/** How long a client may take to send its request, in ms. */
const REQUEST_MS = 10_000;
/** The system stores rows and columns in 16 bits each. */
const LONGEST_SIDE = 0xffff;

/** Returns the first message. @throws Error if none arrives in time or it is not text; or the signal's reason */
export async function firstMessage(inbox: Inbox, gone: AbortSignal): Promise<string> {
  const late = AbortSignal.timeout(REQUEST_MS);
  try {
    const { data, isBinary } = await inbox.one(AbortSignal.any([gone, late]));
    if (isBinary) throw new Error('the first message is not text');
    // eslint-disable-next-line @typescript-eslint/no-base-to-string -- a Buffer, as ws delivers messages by default
    return data.toString();
  } catch (error) {
    if (late.aborted && !gone.aborted)
      throw new Error('the client did not send a command in time', { cause: error });
    throw error;
  }
}

/** Parses a request. @throws Error if the text is not a valid request */
export function readRequest(text: string): ShellRequest {
  let request: unknown;
  try {
    request = JSON.parse(text);
  } catch {
    throw new Error('the first message is not JSON');
  }
  const { rows, columns, command, cooked } = (request ?? {}) as Partial<Record<keyof ShellRequest, unknown>>;
  if (!isSide(rows) || !isSide(columns))
    throw new Error(`rows and columns must be numbers from 1 to ${LONGEST_SIDE}`);
  if (command !== undefined && (typeof command !== 'string' || command.includes('\0')))
    throw new Error('command must be a list of strings without NUL');
  return { rows, columns, ...(command !== undefined && { command }), cooked: cooked !== false };
}

function isSide(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= LONGEST_SIDE;
}
