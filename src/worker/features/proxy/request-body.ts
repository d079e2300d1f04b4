import type { IncomingMessage, ServerResponse } from 'node:http';
import { Refusal } from './refusal.ts';

/** How a request's body reaches a service. */
export type RequestBody =
  | { readonly kind: 'none' }
  /** Small, and here as a whole: it can be sent again. */
  | { readonly kind: 'held'; readonly bytes: Buffer }
  /** Passed on as it comes. */
  | {
      readonly kind: 'streamed';
      readonly length: number | undefined;
      readonly chunks: AsyncIterable<Buffer>;
    };

/** What is not longer is read before it is sent (bytes). Taskcluster's calls have a few kilobytes. */
const LARGEST_HELD = 64 * 1024;

/**
 * Finds out what body a request has, and reads it where it is small.
 *
 * @throws Error when the task breaks off
 */
export async function bodyOf(request: IncomingMessage, response: ServerResponse): Promise<RequestBody> {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (encoding === undefined && Number(length ?? 0) === 0) return { kind: 'none' };
  if (encoding === undefined && Number(length) <= LARGEST_HELD) {
    return { kind: 'held', bytes: await readBody(request, response, LARGEST_HELD) };
  }
  return {
    kind: 'streamed',
    length: encoding === undefined ? Number(length) : undefined,
    chunks: { [Symbol.asyncIterator]: () => read(request, response) },
  };
}

/**
 * Reads a whole body.
 *
 * @param largest in bytes
 * @throws Refusal for a larger one, or an Error when the task breaks off
 */
export async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  largest: number,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of read(request, response)) {
    size += chunk.length;
    if (size > largest) throw new Refusal(413, 'InputTooLarge', `the body is larger than ${largest} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Reads a body as far as somebody wants it. The connection stays, for the answer. */
async function* read(request: IncomingMessage, response: ServerResponse): AsyncGenerator<Buffer> {
  // A task may ask first whether it may send its body.
  if (/^100-continue$/i.test(request.headers.expect ?? '') && !response.headersSent) response.writeContinue();
  yield* request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
}
