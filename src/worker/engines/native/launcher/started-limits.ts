import { readFileSync } from 'node:fs';

/** The variable in which tcw's start script saves its soft limits, such as `nofile=1024 core=unlimited`. */
const VARIABLE = 'TCW_STARTED_LIMITS';

/** The value of a limit in ulimit's syntax. */
const VALUE = /^(\d+|unlimited)$/;

/** ulimit's option letter for each limit. */
const LETTERS: Readonly<Record<string, string>> = { nofile: 'n', core: 'c' };

let lines: string | undefined;

/**
 * Lines for a shell that restore the soft limits with which the worker was started, for the shell and its children.
 * Node raises its limit of open files to the maximum at its start, and a worker disables its core dumps. Programs that
 * close every possible descriptor, or use select(2), do not work well with a limit of a million.
 *
 * If the limits were not saved, the limit of open files is that of this process's parent, if that is lower.
 */
export function startedLimits(): string {
  lines ??= ulimitLines(process.env[VARIABLE] ?? parentsLimit());
  delete process.env[VARIABLE];
  return lines;
}

function ulimitLines(limits: string): string {
  return limits
    .split(' ')
    .flatMap(limit => {
      const [name = '', value = ''] = limit.split('=');
      const letter = LETTERS[name];
      return letter !== undefined && VALUE.test(value) ? [`ulimit -S -${letter} ${value} 2>/dev/null`] : [];
    })
    .join('\n');
}

function parentsLimit(): string {
  const [parent, own] = [softLimitOf(process.ppid), softLimitOf('self')];
  return parent < own ? `nofile=${parent}` : '';
}

/** How many files a process may open; infinite without a limit, or where it is unreadable (everything but Linux). */
function softLimitOf(pid: number | string): number {
  try {
    const limits = readFileSync(`/proc/${pid}/limits`, 'latin1');
    return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity);
  } catch {
    return Infinity;
  }
}
