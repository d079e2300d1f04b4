import { fetchContent, NotFetched, piecesOf } from '../artifacts/fetch-content.ts';
import { isWebUrl, NoContent, urlOfContent } from '../artifacts/locate-artifact.ts';
import { TASK_EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import type { TaskClient } from './client.ts';

export interface LogOfRun {
  readonly client: TaskClient;
  readonly taskId: string;
  readonly runId: number;
  /** Artifacts in which the log may be, the live one first. */
  readonly names: readonly string[];
}

/** How far a log was read in one go. */
export interface Read {
  readonly bytes: number;
  /** Whether there is an artifact with the log. */
  readonly found: boolean;
  /** Why it could not be read to its end. */
  readonly problem?: string;
  /** Whether the reader of our output has gone. */
  readonly unread?: true;
}

interface Reading {
  /** How many bytes of the log have been read before. */
  readonly from: number;
  /** Whether the run has ended, so that the log is complete. */
  readonly isOver: boolean;
  /** Resolves to false when nobody reads any more. */
  readonly write: (piece: Uint8Array) => Promise<boolean>;
}

/**
 * Reads the log of a run once, from a byte on and as far as it goes: to its end, or to where the connection is lost.
 *
 * @throws Failure when the queue refuses
 */
export async function readLog(log: LogOfRun, reading: Reading): Promise<Read> {
  let result: Read = { bytes: 0, found: false };
  for (const name of log.names) {
    const read = await readArtifact(name, log, reading);
    if (read.bytes > 0 || read.unread || (read.found && read.problem === undefined)) return read;
    // The first name matters most: the second is only that of an older or a finished log.
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
    if (!isWebUrl(url)) return { bytes, found: true, problem: 'the artifact is no http or https URL' };
    // While the task runs, the worker serves the log, and understands ranges. A complete log may be stored compressed, where
    // a range would be one of compressed bytes.
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
