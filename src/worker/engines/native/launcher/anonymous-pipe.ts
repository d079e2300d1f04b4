import { closeSync, constants, openSync } from 'node:fs';

/**
 * Lines of a POSIX shell that make a pipe without a name and open both its ends as one descriptor, on Linux.
 *
 * Only who may trace the shell can open more ends of it, by /proc/<pid>/fd: nobody in another PID namespace. No such open
 * ever waits, as that of a FIFO does. A small here-document is a pipe in dash, busybox and bash from 5.1, which takes no
 * other process; in other shells it is a file, and the pipe is taken from a process that has one.
 *
 * @param fd a digit from 3 on: shells differ in what they make of two
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
 * Opens an end of a pipe that a shell has made.
 *
 * @param pid of the shell
 * @param fd its descriptor
 * @param way for reading or for writing
 */
export function openEnd(pid: number, fd: number, way: 'read' | 'write', flags = 0): number {
  const mode = way === 'read' ? constants.O_RDONLY : constants.O_WRONLY;
  return openSync(`/proc/${pid}/fd/${fd}`, mode | flags);
}

/** Opens both ends for an output: the one that is read does not block. */
export function openEnds(pid: number, fd: number): { reader: number; writer: number } {
  const reader = openEnd(pid, fd, 'read', constants.O_NONBLOCK);
  try {
    return { reader, writer: openEnd(pid, fd, 'write') };
  } catch (error) {
    closeSync(reader);
    throw error;
  }
}
