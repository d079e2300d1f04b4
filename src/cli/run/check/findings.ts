/** The parts of a check, in the order in which they are printed. */
export const GROUPS = ['configuration', 'machine', 'Taskcluster', 'Pulse'] as const;
export type Group = (typeof GROUPS)[number];

/**
 * - `ok`: the check passed
 * - `warn`: the worker starts and works, but lacks something
 * - `fail`: the worker would end at its start, or get no task
 * - `skip`: the check was not run
 */
export type Verdict = 'ok' | 'warn' | 'fail' | 'skip';

/** The result of one check, a line of the report. */
export interface Finding {
  readonly group: Group;
  readonly verdict: Verdict;
  /** One line, without secrets. */
  readonly message: string;
  /** The exit code of a failed check. */
  readonly exitCode?: number;
}

/** Collects the findings of one group. */
export interface Findings {
  ok(message: string): void;
  warn(message: string): void;
  skip(message: string): void;
  fail(exitCode: number, message: string): void;
}

/** Collects findings in `list`. */
export function findingsOf(list: Finding[], group: Group): Findings {
  const add = (verdict: Verdict) => (message: string) => {
    list.push({ group, verdict, message });
  };
  return {
    ok: add('ok'),
    warn: add('warn'),
    skip: add('skip'),
    fail: (exitCode, message) => {
      list.push({ group, verdict: 'fail', message, exitCode });
    },
  };
}
