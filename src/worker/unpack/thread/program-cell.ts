/**
 * Where a thread shows which program runs for it: one at a time. It is memory of both threads, since what a thread says is
 * not heard any more when it is terminated, and Node forgets the programs of such a thread without ending them.
 */
export type ProgramCell = Int32Array<SharedArrayBuffer>;

/** How long a thread has to hear of the end of its program, in ms. Otherwise it stays in the system's list as a zombie. */
const HEARD_MS = 2_000;

export function programCell(): ProgramCell {
  return new Int32Array(new SharedArrayBuffer(4));
}

/** @param pid undefined when the program has ended */
export function setProgram(cell: ProgramCell, pid: number | undefined): void {
  Atomics.store(cell, 0, pid ?? 0);
  Atomics.notify(cell, 0);
}

/**
 * Ends the program of a thread, and waits until the thread knows.
 *
 * @param ended settles when the thread has ended, so that it will not
 */
export async function endProgram(cell: ProgramCell, ended: Promise<unknown>): Promise<void> {
  const pid = Atomics.load(cell, 0);
  if (pid === 0) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
  const heard = Atomics.waitAsync(cell, 0, pid, HEARD_MS);
  if (heard.async) await Promise.race([heard.value, ended]);
}
