// Follows a live log with many connections: `<url> <readers>`. Reports the delay with which each reader saw each line
// `at <time>`, and the total number of bytes.
import http from 'node:http';
import { nowMs } from './clock.ts';

/** The combined results of all readers. */
export interface ReadersSaw {
  /** The delay from the printing of a line to its arrival at a reader, in ms, for each line and reader. */
  readonly lateMs: readonly number[];
  readonly bytes: number;
  /** The number of readers that received the log to its end. */
  readonly complete: number;
}

const [url = '', readers = '1'] = process.argv.slice(2);
const lateMs: number[] = [];
let bytes = 0;
let complete = 0;
let connected = 0;

function follow(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const request = http.get(url, { agent: false }, response => {
    if (++connected === Number(readers)) process.send?.('ready');
    let rest = '';
    response.on('data', (chunk: Buffer) => {
      const seenMs = nowMs();
      bytes += chunk.length;
      // Bulk output has no times, and searching it would distort the measurement.
      if (chunk.length > 16_384) return;
      const lines = (rest + chunk.toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('at ')) lateMs.push(seenMs - Number(line.slice(3)));
    });
    response.on('end', () => complete++);
    response.on('close', resolve);
    response.on('error', () => undefined);
  });
  request.on('error', () => {
    resolve();
  });
  return promise;
}

const send = () => {
  const saw: ReadersSaw = { lateMs, bytes, complete };
  process.send?.(saw, () => process.exit());
};
process.once('disconnect', () => process.exit());
// The parent sends a message to end the measurement early.
process.once('message', send);
await Promise.all(Array.from({ length: Number(readers) }, follow));
send();
