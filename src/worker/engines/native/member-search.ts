import { environmentOf, readProcessTable, type ProcessRow } from './process-table.ts';

/**
 * Finds the processes of one run by what they can not, or seldom do, change: the process group and the session that a
 * command began, a parent that is a member, the mark in the environment (Linux), and having been found before.
 *
 * What changed its session and its environment, and lost its parent between two looks, is not found.
 */
export class MemberSearch {
  /** The shells that lead a running command's group. */
  readonly leaders = new Set<number>();
  /** Process groups, which are sessions too, of commands. */
  readonly groups = new Set<number>();
  readonly #marks: readonly string[];
  /** Processes that are never members, whatever they look like. */
  readonly #outsiders: ReadonlySet<number>;
  readonly #watchdog: number;
  #known = new Map<number, string>();

  /**
   * @param marks entries of the environment, one of which only members have
   * @param watchdog a process that is older than every member, and none itself; 0 where there is none
   */
  constructor(marks: readonly string[], watchdog: number) {
    this.#marks = marks;
    this.#watchdog = watchdog;
    this.#outsiders = new Set([0, 1, process.pid, watchdog]);
  }

  /** The members that are alive. */
  async members(): Promise<ProcessRow[]> {
    const rows = await readProcessTable();
    const eldest = Number(rows.find(row => row.pid === this.#watchdog)?.started ?? 0);
    const candidates = rows.filter(row => !row.zombie && !this.#outsiders.has(row.pid));
    const members = new Map<number, ProcessRow>();
    const kin = new Set(this.groups);
    const isKin = (row: ProcessRow) =>
      kin.has(row.group) || kin.has(row.session ?? row.group) || members.has(row.parent);
    const isOurs = (row: ProcessRow) =>
      isKin(row) || this.#known.get(row.pid) === row.started || this.#isMarked(row, eldest);

    let found = candidates.filter(isOurs);
    while (found.length > 0) {
      for (const row of found) {
        members.set(row.pid, row);
        // A group or a session that a member is in began with a member, so all in it are members.
        kin.add(row.group).add(row.session ?? row.group);
      }
      found = candidates.filter(row => !members.has(row.pid) && isKin(row));
    }
    this.#known = new Map(Array.from(members.values(), row => [row.pid, row.started]));
    return [...members.values()];
  }

  #isMarked(row: ProcessRow, eldest: number): boolean {
    if (process.platform !== 'linux' || Number(row.started) < eldest) return false;
    return environmentOf(row.pid).some(entry => this.#marks.includes(entry));
  }
}
