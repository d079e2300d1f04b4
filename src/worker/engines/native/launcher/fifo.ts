import { execFile } from 'node:child_process';
import { closeSync, constants, fstatSync, open, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** Time limit in ms for opening the second end: a task can replace the FIFO. */
const PATIENCE_MS = 5_000;

const run = promisify(execFile);
const openAside = promisify(open);

/**
 * Opens a pipe through a FIFO that has a name only for an instant. For systems on which an anonymous pipe cannot be
 * opened twice. The main thread never waits for another process.
 *
 * @returns the reading end, which does not block, and the writing end
 * @throws Error where mkfifo is missing, or the FIFO was replaced
 */
export async function pipeByFifo(mkfifo: string | undefined): Promise<{ reader: number; writer: number }> {
  if (mkfifo === undefined) throw new Error('The native engine requires the program mkfifo');
  const folder = await mkdtemp(path.join(tmpdir(), 'tcw-'));
  const fifo = path.join(folder, 'output');
  let reader: number | undefined;
  try {
    await run(mkfifo, ['-m', '600', fifo]);
    reader = openSync(fifo, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    const opening = openAside(fifo, O_WRONLY | O_NOFOLLOW);
    const writer = await Promise.race([opening, sleep(PATIENCE_MS, undefined, { ref: false })]);
    if (writer !== undefined && isSame(reader, writer)) return { reader, writer };
    opening.then(closeSync, () => undefined);
    throw new Error(`${fifo} was exchanged while it was opened`);
  } catch (error) {
    if (reader !== undefined) closeSync(reader);
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function isSame(one: number, other: number): boolean {
  const [a, b] = [fstatSync(one), fstatSync(other)];
  return a.isFIFO() && a.dev === b.dev && a.ino === b.ino;
}
