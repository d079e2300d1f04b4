// Follows a live log from many connections: `<url> <readers>`. Tells how late each reader saw each line `at <time>`, and how much came.
import http from 'node:http';
import { nowMs } from './clock.ts';

/** What all readers saw together. */
export interface ReadersSaw {
  /** From when a line was printed until a reader had it, in ms: each line of each reader. */
  readonly lateMs: readonly number[];
  readonly bytes: number;
  /** How many got all, to the end. */
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
      // Bulk has no times, and looking for them would be what is measured.
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

const tell = () => {
  const saw: ReadersSaw = { lateMs, bytes, complete };
  process.send?.(saw, () => process.exit());
};
process.once('disconnect', () => process.exit());
// Who has waited long enough says so.
process.once('message', tell);
await Promise.all(Array.from({ length: Number(readers) }, follow));
tell();
