import type { Writable } from 'node:stream';
import type { Dispatcher, Pool } from 'undici';
import type { RequestBody } from './request-body.ts';

/** A service did not answer. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  /** Whether any part of the request may have reached it. */
  readonly mayHaveArrived: boolean;

  constructor(cause: unknown, mayHaveArrived: boolean) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.mayHaveArrived = mayHaveArrived;
  }
}

/** One attempt of a request. */
export interface ServiceRequest {
  readonly method: string;
  /** Path and query, byte for byte. */
  readonly path: string;
  /** Name, value, name, value, …, except headers that say where the body ends. */
  readonly headers: readonly string[];
  /** A streamed body is not read before there is a connection. */
  readonly body: RequestBody;
}

/** The status and headers of an answer. */
export interface AnswerHead {
  readonly statusCode: number;
  readonly statusMessage: string;
  /** Name, value, name, value, … */
  readonly rawHeaders: readonly string[];
}

/**
 * Sends one request and hands over its answer.
 *
 * @param accept takes the answer, and returns the destination of its body; undefined for an answer that is not
 *   wanted
 * @param signal ends the request and its answer at any time
 * @returns whether the answer was taken
 * @throws NoAnswer, errors of `accept`, or another Error when the answer is interrupted
 */
export function requestService(
  pool: Pool,
  request: ServiceRequest,
  accept: (head: AnswerHead) => Writable | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const { method, path, headers, body } = request;
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  let mayHaveArrived = false;
  let running: Dispatcher.DispatchController | undefined;
  let sink: Writable | undefined;

  const fail = (cause: unknown) => {
    if (!sink) {
      reject(new NoAnswer(cause, mayHaveArrived));
      return;
    }
    // The task must not take a partial answer for the whole.
    sink.destroy();
    reject(new Error('the service closed the connection before the end of its answer', { cause }));
  };
  const abort = () => {
    const reason = signal.reason as Error;
    running?.abort(reason);
    fail(reason);
  };
  const whenDrained = () => {
    running?.resume();
  };

  const handler: Dispatcher.DispatchHandler = {
    onRequestStart: controller => {
      running = controller;
      if (signal.aborted) abort();
      else mayHaveArrived = true;
    },
    onResponseStart: (controller, statusCode, _headers, statusMessage = '') => {
      // Informational answers (100 to 199) are not passed on.
      if (statusCode < 200) return;
      const rawHeaders = textsOf(controller.rawHeaders);
      try {
        sink = accept({ statusCode, statusMessage, rawHeaders });
      } catch (error) {
        reject(error);
      }
      if (sink) return;
      resolve(false);
      controller.abort(new Error('nobody wants this answer'));
    },
    onResponseData: (controller, chunk) => {
      if (!sink || sink.write(chunk)) return;
      controller.pause();
      sink.once('drain', whenDrained);
    },
    onResponseEnd: () => {
      sink?.end();
      resolve(true);
    },
    onResponseError: (_, error) => {
      fail(error);
    },
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    pool.dispatch({ method, path, ...sent(headers, body) }, handler);
  } catch (error) {
    fail(error);
  }
  return promise.finally(() => {
    signal.removeEventListener('abort', abort);
  });
}

function sent(
  headers: readonly string[],
  body: RequestBody,
): Pick<Dispatcher.DispatchOptions, 'headers' | 'body'> {
  if (body.kind === 'none') return { headers: [...headers] };
  if (body.kind === 'held') return { headers: [...headers], body: body.bytes };
  const { length, chunks } = body;
  // Undici accepts any iterable, but its types do not say so.
  const iterable = chunks as unknown as Buffer;
  return {
    headers: length === undefined ? [...headers] : [...headers, 'Content-Length', String(length)],
    body: iterable,
  };
}

/** Undici returns headers as the received bytes. */
function textsOf(headers: Dispatcher.DispatchController['rawHeaders']): string[] {
  if (!Array.isArray(headers)) return [];
  return headers.map(part => (typeof part === 'string' ? part : part.toString('latin1')));
}
