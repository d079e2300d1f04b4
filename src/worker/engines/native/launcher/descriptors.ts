import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';

/**
 * Checks that enough descriptors are left before a program is started.
 *
 * If they run out during a start, Node never closes the pipes that it has already opened, so each failed start would
 * leave the worker with fewer.
 *
 * @throws Error with the code EMFILE or ENFILE
 */
export function assertDescriptors(count: number): void {
  if (free() >= count) return;
  const opened: number[] = [];
  try {
    while (opened.length < count) opened.push(openSync('/dev/null', 'r'));
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}

let limit: number | undefined;

/** How many more descriptors this process may open; 0 where the system does not report this (everything but Linux). */
function free(): number {
  try {
    // Node raises its limit once, at its start.
    limit ??= Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]);
    return limit - readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}

const CLOSED_ON_EXEC = 0o2000000;

/**
 * The descriptors beyond the first three that child processes would inherit. Node's own are not inheritable. Of the
 * descriptors with which Node was started, it marks only the first as not inheritable: those up to the first gap after
 * the sixteenth. Empty where the system does not list descriptors (everything but Linux).
 */
export function inheritable(): number[] {
  try {
    return readdirSync('/proc/self/fd')
      .map(Number)
      .filter(fd => fd > 2 && isInheritable(fd));
  } catch {
    return [];
  }
}

function isInheritable(fd: number): boolean {
  try {
    const flags = /^flags:\s+([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & CLOSED_ON_EXEC) === 0;
  } catch {
    // This was the descriptor with which /proc/self/fd itself was listed. It is closed now.
    return false;
  }
}
