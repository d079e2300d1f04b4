import { KEEPER } from '../processes/mark.ts';
import { environmentOf, readProcess, readProcessTable, type ProcessRow } from '../processes/process-table.ts';

/**
 * Finds the processes of one run by properties that they cannot change, or seldom do: the process group or session of a
 * command, a parent that is a member, and the mark in the environment (Linux). Processes that it has found once remain
 * members.
 *
 * It does not find a process that has changed both its session and its environment and lost its parent between two
 * searches. It may not find one that starts a session, forks and ends within a few milliseconds, again and again.
 */
export class MemberSearch {
  /** The process group of the run's commands, which is also a session, while known. */
  group: number | undefined;
  /** Additional sessions of members: those of terminals. */
  readonly sessions = new Set<number>();
  readonly #marks: readonly string[];
  /** The marks of programs beside a run. */
  readonly #besides: readonly string[];
  /** Processes that never count as members. */
  readonly #outsiders: ReadonlySet<number>;
  readonly #watchdog: number;
  /**
   * Groups and sessions that programs beside several runs share. They are remembered, because a process that is about
   * to end no longer shows its environment.
   */
  readonly #shared = new Set<number>();
  #known = new Map<number, string>();
  #groups: readonly number[] = [];
  #isSure = true;
  /** One search at a time: each builds on the last. */
  #last: Promise<ProcessRow[]> = Promise.resolve([]);

  /**
   * @param marks entries of the environment; only members have any of them
   * @param watchdog a process that is older than every member, and not a member itself; 0 where there is none
   * @param group the process group of the run's commands, if known
   */
  constructor(marks: readonly string[], watchdog: number, group?: number) {
    this.#marks = marks;
    this.#besides = marks.filter(entry => entry.startsWith(`${KEEPER}=`));
    this.group = group;
    this.#watchdog = watchdog;
    this.#outsiders = new Set([0, 1, process.pid, watchdog]);
  }

  /** The process groups in which the last search found only members. Nobody can leave one by forking. */
  get groups(): readonly number[] {
    return this.#groups;
  }

  /** Whether the last search could read every process that was listed: a process that it missed may have had children. */
  get isSure(): boolean {
    return this.#isSure;
  }

  /**
   * The living members.
   *
   * @param seen called at once with each process that is a member whatever the rest of the search finds
   * @throws Error when the system does not list processes
   */
  members(seen?: (row: ProcessRow) => void): Promise<ProcessRow[]> {
    const next = this.#last.then(
      () => this.#look(seen),
      () => this.#look(seen),
    );
    // The caller gets the error.
    next.catch(() => undefined);
    this.#last = next;
    return next;
  }

  /** Whether a process is a member judging only by its group, its session or its environment. */
  isMarked(row: ProcessRow): boolean {
    if (row.zombie || this.#outsiders.has(row.pid)) return false;
    const { group } = this;
    if (group !== undefined && (row.group === group || row.session === group)) return true;
    return this.#isMarked(row, 0);
  }

  async #look(seen?: (row: ProcessRow) => void): Promise<ProcessRow[]> {
    const watchdogStart = Number(readProcess(this.#watchdog)?.started ?? 0);
    const members = new Map<number, ProcessRow>();
    const related = new Set([...this.sessions, ...(this.group === undefined ? [] : [this.group])]);
    const isRelated = (row: ProcessRow) =>
      related.has(row.group) || related.has(row.session ?? row.group) || members.has(row.parent);
    const isOurs = (row: ProcessRow) =>
      isRelated(row) || this.#known.get(row.pid) === row.started || this.#isMarked(row, watchdogStart);

    let found: ProcessRow[] = [];
    const candidates: ProcessRow[] = [];
    this.#isSure = true;
    const rows = await readProcessTable({
      seen: row => {
        if (row.zombie || this.#outsiders.has(row.pid)) return;
        candidates.push(row);
        if (!isOurs(row)) return;
        found.push(row);
        seen?.(row);
      },
      missed: () => (this.#isSure = false),
    });
    for (const row of found)
      if (this.#isBeside(row)) this.#shared.add(row.group).add(row.session ?? row.group);
    while (found.length > 0) {
      for (const row of found) {
        members.set(row.pid, row);
        // A group or session with a member began with a member, so everybody in it is a member.
        for (const number of [row.group, row.session ?? row.group])
          if (!this.#shared.has(number)) related.add(number);
      }
      found = candidates.filter(row => !members.has(row.pid) && isRelated(row));
    }
    this.#known = new Map(Array.from(members.values(), row => [row.pid, row.started]));
    const foreign = new Set(
      rows.filter(({ pid, zombie }) => !zombie && !members.has(pid)).map(({ group }) => group),
    );
    const groups = new Set(Array.from(members.values(), ({ group }) => group));
    this.#groups = [...groups].filter(group => group > 1 && !foreign.has(group));
    return [...members.values()];
  }

  #isBeside(row: ProcessRow): boolean {
    return this.#besides.length > 0 && environmentOf(row).some(entry => this.#besides.includes(entry));
  }

  #isMarked(row: ProcessRow, watchdogStart: number): boolean {
    if (process.platform !== 'linux' || Number(row.started) < watchdogStart) return false;
    return environmentOf(row).some(entry => this.#marks.includes(entry));
  }
}
