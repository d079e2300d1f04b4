import type { Readable } from 'node:stream';
import { codeOf, DockerError } from '../api/index.ts';

/** A progress message of a pull or a load. */
export interface EngineMessage {
  readonly status?: string;
  /** ID of the layer that the message is about. */
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  /** The text that a load prints. */
  readonly stream?: string;
}

const LONGEST_LINE = 1024 * 1024;

/**
 * Reads an engine's progress messages.
 *
 * @throws DockerError for an error message, or when the engine goes away
 */
export async function* engineMessages(body: Readable): AsyncGenerator<EngineMessage, void, undefined> {
  let rest = '';
  for await (const chunk of unbroken(body.setEncoding('utf8'))) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LONGEST_LINE) throw new DockerError('the Docker engine sent a line without an end');
    for (const line of lines) yield* messagesIn(line);
  }
  yield* messagesIn(rest);
}

/** @throws DockerError when the connection breaks */
async function* unbroken(body: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  try {
    yield* body;
  } catch (error) {
    const code = codeOf(error);
    // Whoever aborted the signal gets its reason.
    if (code === undefined) throw error;
    throw new DockerError(`the Docker engine broke off in the middle of its answer (${code})`, {
      cause: error,
    });
  }
}

function* messagesIn(line: string): Generator<EngineMessage, void, undefined> {
  if (line.trim() === '') return;
  const word = JSON.parse(line) as EngineMessage & { error?: string; errorDetail?: { message?: string } };
  const error = word.errorDetail?.message ?? word.error;
  if (error !== undefined) throw new DockerError(error);
  yield word;
}
