import { readlinkSync } from 'node:fs';
import type { Census, Counted } from '../processes/census.ts';
import { KEEPER } from '../processes/mark.ts';
import type { Space } from './outside-kill.ts';
import { environmentOf, inTurns, readProcessTable, type ProcessRow } from '../processes/process-table.ts';

/**
 * Knows the processes of a run that a PID namespace holds together, those in namespaces that the run has made itself
 * included: they are descendants of its first process.
 *
 * @param mark by which the engine's own processes of the run are known
 * @param keeper the program that has made the namespace
 */
export function namespaceCensus(space: Omit<Space, 'release'>, mark: string, keeper: number): Census {
  const isMember = (pid: number) => pid !== space.init && isIn(pid, space.name);
  /** The shell that starts commands, which is outside, once it was found. */
  let launcher: ProcessRow | undefined;

  return {
    isMember,
    count: async (): Promise<Counted> => {
      const rows = await readProcessTable();
      const init = rows.find(row => row.pid === space.init && row.started === space.initStarted);
      const members = new Map<number, ProcessRow>();
      const alive = rows.filter(row => !row.zombie && row !== init);
      await inTurns(alive, row => {
        if (isMember(row.pid)) members.set(row.pid, row);
      });
      for (let before = -1; before !== members.size;) {
        before = members.size;
        for (const row of alive) {
          if (members.has(row.parent) || row.parent === init?.pid) members.set(row.pid, row);
        }
      }
      // The first process has a helper, which is like it in all.
      for (const row of members.values()) {
        if (row.parent === init?.pid && isEngines(row)) members.delete(row.pid);
      }
      const known = launcher && rows.find(row => isSame(row, launcher));
      // Before the launcher has entered the namespace, only the helper has the mark, which is a child of the first process.
      const isOutside = (row: ProcessRow) => row.pid !== keeper && row.parent !== init?.pid;
      launcher = known ?? (await findLauncher(alive.filter(row => isOutside(row) && !members.has(row.pid))));
      return { members: [...members.values()], reapers: [init, launcher].filter(row => row !== undefined) };
    },
  };

  function isEngines(row: ProcessRow): boolean {
    return environmentOf(row).includes(`${KEEPER}=${mark}`);
  }

  async function findLauncher(rows: readonly ProcessRow[]): Promise<ProcessRow | undefined> {
    let found: ProcessRow | undefined;
    await inTurns(rows, row => {
      if (found === undefined && isEngines(row)) found = row;
    });
    return found;
  }
}

const isSame = (row: ProcessRow, other: ProcessRow | undefined) =>
  row.pid === other?.pid && row.started === other.started;

/** A process in another namespace, one that has ended, and one that nobody may look at are all none of the run's. */
function isIn(pid: number, space: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`) === space;
  } catch {
    return false;
  }
}
