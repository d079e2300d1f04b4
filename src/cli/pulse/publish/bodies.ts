import { open } from 'node:fs/promises';
import { type Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createInterface } from 'node:readline';
import { fileContent, jsonText } from './publish-options.ts';
import type { JsonText } from '../../../pulse/index.ts';
import { usageError } from '../failure.ts';
import { printable } from '../printable.ts';

/** A body to publish, with its line number if the file has one body per line. */
export interface FoundBody {
  readonly body: JsonText;
  readonly line?: number;
}

export interface BodySource {
  /** A path, or `-` for standard input. */
  readonly file: string | undefined;
  /** The body from the command line. */
  readonly text: string | undefined;
  /** Whether each line of the file is a body. Empty lines are skipped. */
  readonly lines: boolean;
  /** Stops the reading. */
  readonly signal: AbortSignal;
}

const STANDARD_INPUT = '-';

/** @throws Failure 64 for contradictory options or a file that cannot be read; 65 for content that is not JSON */
export async function bodiesOf(source: BodySource): Promise<AsyncIterable<FoundBody>> {
  const { file, text, lines, signal } = source;
  if (file !== undefined && text !== undefined)
    throw usageError('the body is given twice, by --body and by a file');
  if (text !== undefined) {
    if (lines) throw usageError('--lines needs a file to read lines from, or - for standard input');
    return only({ body: jsonText(Buffer.from(text), 'the body') });
  }
  // Like other programs, this reads standard input by default. At a terminal it does not, because nobody would guess
  // that a silent program waits for JSON.
  if (file === undefined && process.stdin.isTTY)
    throw usageError('there is no body: name a file, use - for standard input, or give --body');
  const from = file ?? STANDARD_INPUT;
  const isInput = from === STANDARD_INPUT;
  if (lines) return eachLine(isInput ? process.stdin : await openFile(from), signal);
  const content = isInput ? await buffer(process.stdin) : await fileContent(from, 'body');
  return only({ body: jsonText(content, `the body (${isInput ? 'standard input' : from})`) });
}

async function* only(found: FoundBody): AsyncIterable<FoundBody> {
  yield found;
}

async function openFile(file: string): Promise<Readable> {
  try {
    return (await open(file)).createReadStream();
  } catch (error) {
    throw usageError(`the lines cannot be read: ${printable((error as Error).message)}`);
  }
}

/** Yields lines as fast as they are consumed: the file may be larger than memory, or may never end. */
async function* eachLine(input: Readable, signal: AbortSignal): AsyncIterable<FoundBody> {
  // In Latin-1 each byte is one character, so invalid UTF-8 is detected below instead of being replaced here.
  input.setEncoding('latin1');
  const reader = createInterface({ input, signal, crlfDelay: Infinity });
  let broken: Error | undefined;
  // Not every version of Node passes the error to the reader, which would then wait for more input for ever.
  input.on('error', (error: Error) => {
    broken = error;
    reader.close();
  });
  let line = 0;
  try {
    for await (const text of reader) {
      line++;
      if (text.trim() === '') continue;
      yield { body: jsonText(Buffer.from(text, 'latin1'), `line ${line}`), line };
    }
  } catch (error) {
    if (error !== broken) throw error;
  } finally {
    input.destroy();
  }
  if (broken) throw usageError(`line ${line + 1} cannot be read: ${printable(broken.message)}`);
}
