import type { Readable } from 'node:stream';
import { codeOf, DockerError } from '../api/index.ts';

/** One of the lines in which an engine tells how a pull or a load goes on. */
export interface EngineWord {
  readonly status?: string;
  /** Of the layer that the line is about. */
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  /** What a load prints. */
  readonly stream?: string;
}

const LONGEST_LINE = 1024 * 1024;

/**
 * Reads what an engine tells, line by line.
 *
 * @throws DockerError with the engine's words when it tells of an error, or when it goes away
 */
export async function* engineMessages(body: Readable): AsyncGenerator<EngineWord, void, undefined> {
  let rest = '';
  for await (const chunk of unbroken(body.setEncoding('utf8'))) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LONGEST_LINE) throw new DockerError('the engine tells something without an end');
    for (const line of lines) yield* wordIn(line);
  }
  yield* wordIn(rest);
}

/** @throws DockerError when the connection breaks */
async function* unbroken(body: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  try {
    yield* body;
  } catch (error) {
    const code = codeOf(error);
    // A signal's reason is for whoever has aborted it.
    if (code === undefined) throw error;
    throw new DockerError(`the Docker engine broke off in the middle of its answer (${code})`, {
      cause: error,
    });
  }
}

function* wordIn(line: string): Generator<EngineWord, void, undefined> {
  if (line.trim() === '') return;
  const word = JSON.parse(line) as EngineWord & { error?: string; errorDetail?: { message?: string } };
  const error = word.errorDetail?.message ?? word.error;
  if (error !== undefined) throw new DockerError(error);
  yield word;
}
