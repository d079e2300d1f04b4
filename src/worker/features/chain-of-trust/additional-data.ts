import type { FileHandle } from 'node:fs/promises';
import { isStream } from '../../files/file-source.ts';
import { retryRead } from '../../files/retry-read.ts';
import { StreamFailed } from '../../files/stream-pieces.ts';
import type { OpenedFile } from '../../files/task-files.ts';
import { readWhole } from '../../files/read-whole.ts';
import { TaskError } from '../../outcome.ts';

/** A file in the task's folder with members that the task adds to its chain of trust. */
export const ADDITIONAL_DATA_FILE = 'chain-of-trust-additional-data.json';

/** A JSON object. */
export type AdditionalData = Readonly<Record<string, unknown>>;

/** Larger than any useful file. */
const MAX_BYTES = 1024 * 1024;

/**
 * Reads the members that a task adds to its chain of trust.
 *
 * @param opened the file, which stays open
 * @throws TaskError `task-failed` unless the file is a JSON object of a reasonable size; `resource-unavailable`
 *   when it cannot be read; or the signal's reason
 */
export async function readAdditionalData(
  opened: Pick<OpenedFile, 'source' | 'size'>,
  signal: AbortSignal,
): Promise<AdditionalData> {
  const text = textOf(await bytesOf(opened, signal));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unusable(`is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unusable('must contain a JSON object');
  }
  if (!canBeWritten(value)) throw unusable('is nested too deeply');
  return value as AdditionalData;
}

async function bytesOf(
  { source, size }: Pick<OpenedFile, 'source' | 'size'>,
  signal: AbortSignal,
): Promise<Buffer> {
  if (Buffer.isBuffer(source)) return source;
  if (!isStream(source)) return firstBytes(source, MAX_BYTES + 1);
  if (size > MAX_BYTES) throw tooLarge();
  try {
    return await retryRead(() => readWhole(source, size, signal), signal);
  } catch (error) {
    if (!(error instanceof StreamFailed)) throw error;
    throw new TaskError(error.kind, `${ADDITIONAL_DATA_FILE} ${error.message}`, { cause: error });
  }
}

function textOf(bytes: Buffer): string {
  if (bytes.length > MAX_BYTES) throw tooLarge();
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw unusable('is not UTF-8');
  }
}

/** The file may grow while it is read. */
async function firstBytes(handle: FileHandle, most: number): Promise<Buffer> {
  const buffer = Buffer.alloc(most);
  let length = 0;
  while (length < most) {
    const { bytesRead } = await handle.read(buffer, length, most - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}

/** JSON of any depth can be read, but it is written by a recursive function, which may run out of stack. */
function canBeWritten(value: object): boolean {
  try {
    // In the document, the value is nested more deeply and indented.
    JSON.stringify([[value]], undefined, 2);
    return true;
  } catch {
    return false;
  }
}

function tooLarge(): TaskError {
  return unusable(`is larger than ${MAX_BYTES} bytes`);
}

/** Creates an error about the file. `problem` follows its name. */
export function unusable(problem: string): TaskError {
  return new TaskError('task-failed', `${ADDITIONAL_DATA_FILE} ${problem}`);
}
