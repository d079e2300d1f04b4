import { readFileSync } from 'node:fs';

/** Where tcw's own start keeps the soft limits that it had, such as `nofile=1024 core=unlimited`. */
const VARIABLE = 'TCW_STARTED_LIMITS';

/** A limit as ulimit takes it: a number or `unlimited`. */
const VALUE = /^(\d+|unlimited)$/;

/** The letters of ulimit. */
const LETTERS: Readonly<Record<string, string>> = { nofile: 'n', core: 'c' };

let lines: string | undefined;

/**
 * Lines for a shell that give it, and what it starts, the soft limits with which the worker was started: Node raises its
 * own limit of open files as far as it may, before anything else, and a worker switches its core dumps off. Programs that
 * close all descriptors that there may be, or use select(2), do not get along with a limit of a million.
 *
 * Where nobody kept them, the limit of open files is that of the process that started this one, if it is lower.
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

/** How many files a process may open; infinite where the system does not tell (all but Linux), or has no limit. */
function softLimitOf(pid: number | string): number {
  try {
    const limits = readFileSync(`/proc/${pid}/limits`, 'latin1');
    return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity);
  } catch {
    return Infinity;
  }
}
