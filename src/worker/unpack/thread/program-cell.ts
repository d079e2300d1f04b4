/**
 * Shared memory in which a thread shows its running program, one at a time. Messages of a terminated thread are
 * not received, and Node forgets the programs of such a thread without ending them.
 */
export type ProgramCell = Int32Array<SharedArrayBuffer>;

/** The cell's value while a program is being started. It may run before the thread knows its PID. */
const STARTING = -1;

/** How long a thread has to notice the end of its program, in ms. Otherwise the program remains as a zombie. */
const HEARD_MS = 2_000;

export function programCell(): ProgramCell {
  return new Int32Array(new SharedArrayBuffer(4));
}

/** @param program its PID, or undefined when it has ended or could not be started */
export function setProgram(cell: ProgramCell, program: number | 'starting' | undefined): void {
  Atomics.store(cell, 0, program === 'starting' ? STARTING : (program ?? 0));
  Atomics.notify(cell, 0);
}

/**
 * Ends the program of a thread, and waits until the thread has noticed.
 *
 * @param ended settles when the thread has ended, and so will not notice
 */
export async function endProgram(cell: ProgramCell, ended: Promise<unknown>): Promise<void> {
  await untilChanged(cell, STARTING, ended);
  const pid = Atomics.load(cell, 0);
  if (pid === 0) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
  await untilChanged(cell, pid, ended);
}

async function untilChanged(cell: ProgramCell, value: number, ended: Promise<unknown>): Promise<void> {
  const changed = Atomics.waitAsync(cell, 0, value, HEARD_MS);
  if (changed.async) await Promise.race([changed.value, ended]);
}
