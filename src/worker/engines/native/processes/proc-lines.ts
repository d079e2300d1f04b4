import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { assertOfTheSystem } from '../../processes/index.ts';

const { O_NOCTTY, O_NONBLOCK, O_RDONLY } = constants;

/**
 * How much is asked for at a time, in bytes, at first and later. The system walks through all of a table of connections,
 * most of which is empty, until it has as much as was asked for: 2 ms on a machine of 24 GB, however few there are.
 */
const [FIRST_BYTES, LATER_BYTES] = [1024, 64 * 1024];
const FIRST_READS = 16;

/**
 * The first line with a text in a file below /proc. Reads no further, and not on the main thread.
 *
 * @returns undefined when there is no such line
 * @throws Error of the system, or when /proc was replaced
 */
export async function findProcLine(file: string, text: string): Promise<string | undefined> {
  await using handle = await open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  assertOfTheSystem(file, await handle.stat());
  const buffer = Buffer.allocUnsafe(LATER_BYTES);
  let begun = '';
  for (let reads = 0; ; reads++) {
    const bytes = reads < FIRST_READS ? FIRST_BYTES : LATER_BYTES;
    const { bytesRead } = await handle.read(buffer, 0, bytes);
    if (bytesRead === 0) return begun.includes(text) ? begun : undefined;
    const read = begun + buffer.toString('latin1', 0, bytesRead);
    const [found, end] = [read.indexOf(text), read.lastIndexOf('\n')];
    if (found !== -1 && found < end) {
      return read.slice(read.lastIndexOf('\n', found) + 1, read.indexOf('\n', found));
    }
    begun = read.slice(end + 1);
  }
}
