import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { assertOfTheSystem } from '../../processes/index.ts';

const { O_NOCTTY, O_NONBLOCK, O_RDONLY } = constants;

/**
 * Bytes per read, at first and later. To fill a read, the kernel walks through its table of connections, most of which
 * is empty. On a machine with 24 GB of memory this takes 2 ms, however few connections there are.
 */
const [FIRST_BYTES, LATER_BYTES] = [1024, 64 * 1024];
const FIRST_READS = 16;

/**
 * Finds the first line that contains a text in a file below /proc. Reads no further than that line, and not on the main
 * thread.
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
