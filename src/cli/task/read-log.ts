import { fetchContent, NotFetched, piecesOf } from '../artifacts/fetch-content.ts';
import { isWebUrl, NoContent, urlOfContent } from '../artifacts/locate-artifact.ts';
import { TASK_EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import type { TaskClient } from './client.ts';

export interface LogOfRun {
  readonly client: TaskClient;
  readonly taskId: string;
  readonly runId: number;
  /** Names of the artifacts that may contain the log, the live log first. */
  readonly names: readonly string[];
}

/** The result of one attempt to read a log. */
export interface Read {
  readonly bytes: number;
  /** Whether an artifact with the log exists. */
  readonly found: boolean;
  /** The reason why the log could not be read to its end. */
  readonly problem?: string;
  /** Whether the reader of our output is gone. */
  readonly unread?: true;
}

interface Reading {
  /** The number of bytes of the log that were read before. */
  readonly from: number;
  /** Whether the run has ended, so the log is complete. */
  readonly isOver: boolean;
  /** Resolves to false when the reader is gone. */
  readonly write: (piece: Uint8Array) => Promise<boolean>;
}

/**
 * Reads the log of a run once from a given byte on, to its end or to where the connection is lost.
 *
 * @throws Failure when the queue refuses the call
 */
export async function readLog(log: LogOfRun, reading: Reading): Promise<Read> {
  let result: Read = { bytes: 0, found: false };
  for (const name of log.names) {
    const read = await readArtifact(name, log, reading);
    if (read.bytes > 0 || read.unread || (read.found && read.problem === undefined)) return read;
    // The problem with the first name matters most. The second name is only that of an older or finished log.
    if (!result.found) result = read;
  }
  return result;
}

async function readArtifact(
  name: string,
  { client, taskId, runId }: LogOfRun,
  { from, isOver, write }: Reading,
): Promise<Read> {
  let bytes = 0;
  try {
    const subject = { taskId, missing: 'there is no such artifact', scope: `queue:get-artifact:${name}` };
    const content = await client.ask(subject, 'artifact', taskId, runId, name);
    const url = await urlOfContent(content, client.deployment.rootUrl);
    if (!isWebUrl(url)) return { bytes, found: true, problem: 'the artifact is not an http or https URL' };
    // While the task runs, the worker serves the log and supports byte ranges. A complete log may be stored compressed,
    // so a range would count compressed bytes.
    const isLive = !isOver && content.storageType === 'reference';
    const response = await fetchContent(url, isLive && from > 0 ? from : undefined);
    let skip = response.status === 206 ? 0 : from;
    for await (const piece of piecesOf(response)) {
      const rest = piece.subarray(Math.min(skip, piece.length));
      skip -= piece.length - rest.length;
      bytes += rest.length;
      if (rest.length > 0 && !(await write(rest))) return { bytes, found: true, unread: true };
    }
    return { bytes, found: true };
  } catch (error) {
    if (error instanceof NotFetched || error instanceof NoContent)
      return { bytes, found: true, problem: error.message };
    if (error instanceof Failure && error.exitCode === TASK_EXIT_CODES.notFound.code)
      return { bytes, found: false };
    throw error;
  }
}
