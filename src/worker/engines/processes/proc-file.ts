import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  statfsSync,
  statSync,
  type Stats,
} from 'node:fs';

/** What statfs(2) calls a file system of processes. */
const PROC_SUPER_MAGIC = 0x9fa0;
/** No more of a file is read. The longest are environments. */
const MOST_BYTES = 4 * 1024 * 1024;
const READ_BYTES = 64 * 1024;

/** The file system that /proc was when this was loaded, as stat(2) names it. */
const device = deviceOfProc();
const buffer = Buffer.allocUnsafeSlow(READ_BYTES);

/**
 * Reads a file below /proc. A task that is root may mount what it likes over /proc, or over a folder in it: a pipe, in
 * which nobody writes, is not waited for, and what somebody has made up is not believed.
 *
 * @returns undefined when there is no such process
 * @throws Error of the system, or because /proc is not what it was
 */
export function readProcFile(file: string): string | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    assertOfTheSystem(file, fstatSync(descriptor));
    return textOf(descriptor);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** @throws Error when an open file is none of /proc, as that was when this was loaded */
export function assertOfTheSystem(file: string, found: Stats): void {
  if (found.isFile() && found.dev === device) return;
  throw new Error(`${file} is not of the system: somebody has replaced /proc`);
}

/** Whether an error says that there is no such process. */
export function isGone(error: unknown): boolean {
  return ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function textOf(descriptor: number): string {
  let text = '';
  while (text.length < MOST_BYTES) {
    const length = readSync(descriptor, buffer);
    if (length === 0) break;
    text += buffer.toString('latin1', 0, length);
  }
  return text;
}

function deviceOfProc(): number | undefined {
  try {
    return statfsSync('/proc').type === PROC_SUPER_MAGIC ? statSync('/proc').dev : undefined;
  } catch {
    return undefined;
  }
}
