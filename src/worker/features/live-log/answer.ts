import type { IncomingMessage, ServerResponse } from 'node:http';
import { LOG_TYPE } from '../../log-names.ts';
import { wantedBytes, type WantedBytes } from './byte-range.ts';
import type { LogReaders } from './log-readers.ts';

/**
 * The last byte position of a log without an end yet (RFC 8673): the largest number that every client can represent.
 */
const NO_END_YET = Number.MAX_SAFE_INTEGER;

const HEADERS = {
  'Content-Type': LOG_TYPE,
  'Accept-Ranges': 'bytes',
  // The content changes all the time.
  'Cache-Control': 'no-store',
  // Browsers must not interpret a task's output as a page.
  'X-Content-Type-Options': 'nosniff',
  'X-Streaming': 'true',
  // nginx would buffer the answer.
  'X-Accel-Buffering': 'no',
};

/** Answers a request for a log that is being written, with the requested bytes up to the log's end. */
export function answerWithLog(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  readers: LogReaders,
): void {
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD, OPTIONS', 'Content-Type': LOG_TYPE });
    response.end('A log can only be read\n');
    return;
  }
  const { size, isComplete } = readers;
  // This log has no validators, so If-Range can never match.
  const range = headers['if-range'] === undefined ? headers.range : undefined;
  const wanted = wantedBytes(range, size, isComplete);
  if (!wanted) {
    response.writeHead(416, { ...HEADERS, 'Content-Range': `bytes */${size}` });
    response.end('The log does not have these bytes\n');
    return;
  }
  response.writeHead(wanted.isPart ? 206 : 200, { ...HEADERS, ...lengthOf(wanted, size, isComplete) });
  if (method === 'HEAD') {
    response.end();
    return;
  }
  response.flushHeaders();
  const remove = readers.add(
    {
      write: (bytes, taken) => {
        response.write(bytes, error => {
          if (!error) taken();
        });
      },
      end: () => {
        response.end();
      },
      breakOff: () => {
        response.destroy();
      },
    },
    wanted.start,
    wanted.end,
  );
  response.once('close', remove);
}

function lengthOf({ start, end, isPart }: WantedBytes, size: number, isComplete: boolean): object {
  const known = isComplete ? Math.min(end, size) : end;
  const last = Math.min(known - 1, NO_END_YET);
  return {
    ...(isPart && { 'Content-Range': `bytes ${start}-${last}/${isComplete ? size : '*'}` }),
    ...(known <= size && { 'Content-Length': known - start }),
  };
}
