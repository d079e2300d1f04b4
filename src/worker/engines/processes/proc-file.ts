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

/** The type of a process file system in statfs(2). */
const PROC_SUPER_MAGIC = 0x9fa0;
/** Longest read of a file. The longest are environments. */
const MAX_BYTES = 4 * 1024 * 1024;
const READ_BYTES = 64 * 1024;

/** The device of /proc when this module was loaded (stat(2)). */
const device = deviceOfProc();
const buffer = Buffer.allocUnsafeSlow(READ_BYTES);

/**
 * Reads a file below /proc. A task that runs as root may mount anything over /proc, or over a folder in it. So this
 * never waits for a pipe, and rejects files that are not in the original /proc.
 *
 * @returns undefined when there is no such process
 * @throws Error of the system, or because /proc was replaced
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

/** @throws Error unless an open file is in the original /proc */
export function assertOfTheSystem(file: string, found: Stats): void {
  if (found.isFile() && found.dev === device) return;
  throw new Error(`${file} does not belong to the system: /proc was replaced`);
}

/** Whether an error means that there is no such process. */
export function isGone(error: unknown): boolean {
  return ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function textOf(descriptor: number): string {
  let text = '';
  while (text.length < MAX_BYTES) {
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
