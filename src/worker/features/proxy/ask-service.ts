import type { Writable } from 'node:stream';
import type { Dispatcher, Pool } from 'undici';
import type { RequestBody } from './request-body.ts';

/** A service gave no answer. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  /** Whether anything of the request may have reached it. */
  readonly mayHaveArrived: boolean;

  constructor(cause: unknown, mayHaveArrived: boolean) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.mayHaveArrived = mayHaveArrived;
  }
}

/** One request, once. */
export interface ServiceRequest {
  readonly method: string;
  /** Path and query, byte for byte. */
  readonly path: string;
  /** Name, value, name, value, …: all but those that say where the body ends. */
  readonly headers: readonly string[];
  /** Nothing is taken of a streamed one before there is a connection. */
  readonly body: RequestBody;
}

/** How an answer begins. */
export interface AnswerHead {
  readonly statusCode: number;
  readonly statusMessage: string;
  /** Name, value, name, value, … */
  readonly rawHeaders: readonly string[];
}

/**
 * Sends one request, and hands its answer over.
 *
 * @param accept takes the answer, and says where its body goes; undefined for an answer that nobody wants
 * @param signal ends the request, and its answer, wherever they are
 * @returns whether the answer was taken
 * @throws NoAnswer, what `accept` throws, or another Error when the answer breaks off
 */
export function askService(
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
    // The task must not take a part for the whole.
    sink.destroy();
    reject(new Error('the service broke off its answer', { cause }));
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
      // Nothing to pass on yet (100 to 199).
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
  // Undici takes anything that can be iterated, though its types do not say so.
  const iterable = chunks as unknown as Buffer;
  return {
    headers: length === undefined ? [...headers] : [...headers, 'Content-Length', String(length)],
    body: iterable,
  };
}

/** Undici gives headers as the bytes that came. */
function textsOf(headers: Dispatcher.DispatchController['rawHeaders']): string[] {
  if (!Array.isArray(headers)) return [];
  return headers.map(part => (typeof part === 'string' ? part : part.toString('latin1')));
}
