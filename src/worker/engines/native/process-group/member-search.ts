import { KEEPER } from '../processes/mark.ts';
import { environmentOf, inTurns, readProcessTable, type ProcessRow } from '../processes/process-table.ts';

/**
 * Finds the processes of one run by what they cannot, or seldom do, change: the process group and the session that a
 * command began, a parent that is a member, the mark in the environment (Linux), and having been found before.
 *
 * What changed its session and its environment, and lost its parent between two looks, is not found.
 */
export class MemberSearch {
  /** The process group of the run's commands, which is also a session, while known. */
  group: number | undefined;
  /** Sessions of members in addition: those of terminals. */
  readonly sessions = new Set<number>();
  readonly #marks: readonly string[];
  /** The marks of programs beside a run. */
  readonly #besides: readonly string[];
  /** Processes that never count as members. */
  readonly #outsiders: ReadonlySet<number>;
  readonly #watchdog: number;
  /**
   * Groups and sessions shared by programs beside several runs. They are remembered: a process that is about to end has no
   * environment any more.
   */
  readonly #shared = new Set<number>();
  #known = new Map<number, string>();
  /** One search at a time: each builds on the last. */
  #last: Promise<ProcessRow[]> = Promise.resolve([]);

  /**
   * @param marks entries of the environment, one of which only members have
   * @param watchdog a process that is older than every member, and none itself; 0 where there is none
   * @param group the process group of the run's commands, where it is known
   */
  constructor(marks: readonly string[], watchdog: number, group?: number) {
    this.#marks = marks;
    this.#besides = marks.filter(entry => entry.startsWith(`${KEEPER}=`));
    this.group = group;
    this.#watchdog = watchdog;
    this.#outsiders = new Set([0, 1, process.pid, watchdog]);
  }

  /**
   * The living members.
   *
   * @throws Error when the system does not list processes
   */
  members(): Promise<ProcessRow[]> {
    const next = this.#last.then(
      () => this.#look(),
      () => this.#look(),
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

  async #look(): Promise<ProcessRow[]> {
    const rows = await readProcessTable();
    const eldest = Number(rows.find(row => row.pid === this.#watchdog)?.started ?? 0);
    const candidates = rows.filter(row => !row.zombie && !this.#outsiders.has(row.pid));
    const members = new Map<number, ProcessRow>();
    const kin = new Set([...this.sessions, ...(this.group === undefined ? [] : [this.group])]);
    const isKin = (row: ProcessRow) =>
      kin.has(row.group) || kin.has(row.session ?? row.group) || members.has(row.parent);
    const isOurs = (row: ProcessRow) =>
      isKin(row) || this.#known.get(row.pid) === row.started || this.#isMarked(row, eldest);

    let found: ProcessRow[] = [];
    await inTurns(candidates, row => {
      if (isOurs(row)) found.push(row);
    });
    for (const row of found)
      if (this.#isBeside(row)) this.#shared.add(row.group).add(row.session ?? row.group);
    while (found.length > 0) {
      for (const row of found) {
        members.set(row.pid, row);
        // A group or session with a member began with a member, so everybody in it is a member.
        for (const number of [row.group, row.session ?? row.group])
          if (!this.#shared.has(number)) kin.add(number);
      }
      found = candidates.filter(row => !members.has(row.pid) && isKin(row));
    }
    this.#known = new Map(Array.from(members.values(), row => [row.pid, row.started]));
    return [...members.values()];
  }

  #isBeside(row: ProcessRow): boolean {
    return this.#besides.length > 0 && environmentOf(row).some(entry => this.#besides.includes(entry));
  }

  #isMarked(row: ProcessRow, eldest: number): boolean {
    if (process.platform !== 'linux' || Number(row.started) < eldest) return false;
    return environmentOf(row).some(entry => this.#marks.includes(entry));
  }
}
