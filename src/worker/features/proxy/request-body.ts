import type { IncomingMessage, ServerResponse } from 'node:http';
import { Refusal } from './refusal.ts';

/** How a request's body reaches a service. */
export type RequestBody =
  | { readonly kind: 'none' }
  /** Small and complete, so it can be sent again. */
  | { readonly kind: 'held'; readonly bytes: Buffer }
  /** Streamed as it arrives. */
  | {
      readonly kind: 'streamed';
      readonly length: number | undefined;
      readonly chunks: AsyncIterable<Buffer>;
    };

/**
 * Bodies up to this size are read before they are sent (bytes). Those of Taskcluster's calls have a few
 * kilobytes.
 */
const LARGEST_HELD = 64 * 1024;

/**
 * Determines the kind of a request's body, and reads it if it is small.
 *
 * @throws Error when the task disconnects
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
 * Reads a complete body.
 *
 * @param largest in bytes
 * @throws Refusal for a larger one, or an Error when the task disconnects
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

/** Reads a body as long as the consumer wants more. The connection stays open for the answer. */
async function* read(request: IncomingMessage, response: ServerResponse): AsyncGenerator<Buffer> {
  // A task may ask first whether it may send its body.
  if (/^100-continue$/i.test(request.headers.expect ?? '') && !response.headersSent) response.writeContinue();
  yield* request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
}
