import { closeSync, constants, openSync } from 'node:fs';

/**
 * Lines for a POSIX shell on Linux that create an unnamed pipe and open both its ends as one descriptor.
 *
 * Only a process that may trace the shell can open further ends, through /proc/<pid>/fd, so no process in another PID
 * namespace can. Opening such an end never blocks, unlike opening a FIFO. In dash, busybox and bash 5.1 or later, a
 * small here-document is a pipe, so no other process is needed. In other shells it is a file, and the pipe is taken
 * from a process that has one.
 *
 * @param fd one digit, at least 3: shells interpret two digits differently
 */
export const makePipe = (fd: number) => `
exec ${fd}<<.
a line
.
if [ -p /proc/self/fd/${fd} ]
then read -r line <&${fd}
else
  : | sleep 9 &
  until [ -p /proc/$!/fd/0 ] || [ ! -e /proc/$!/fd/0 ]; do :; done
  exec ${fd}</proc/$!/fd/0
  kill $!
fi
exec ${fd}<>/proc/self/fd/${fd}`;

/**
 * Opens an end of a pipe that a shell has created.
 *
 * @param pid of the shell
 * @param fd its descriptor
 * @param access for reading or for writing
 */
export function openEnd(pid: number, fd: number, access: 'read' | 'write', flags = 0): number {
  const mode = access === 'read' ? constants.O_RDONLY : constants.O_WRONLY;
  return openSync(`/proc/${pid}/fd/${fd}`, mode | flags);
}

/** Opens both ends of an output pipe. The reading end is non-blocking. */
export function openEnds(pid: number, fd: number): { reader: number; writer: number } {
  const reader = openEnd(pid, fd, 'read', constants.O_NONBLOCK);
  try {
    return { reader, writer: openEnd(pid, fd, 'write') };
  } catch (error) {
    closeSync(reader);
    throw error;
  }
}
