import { readlinkSync } from 'node:fs';
import type { Census, Counted } from '../processes/census.ts';
import { KEEPER } from '../processes/mark.ts';
import type { Space } from './outside-kill.ts';
import {
  environmentOf,
  forEachYielding,
  readProcessTable,
  type ProcessRow,
} from '../processes/process-table.ts';

/**
 * Lists the processes of a run in a PID namespace, including those in nested namespaces: all are descendants of its first
 * process.
 *
 * @param mark identifies the engine's own processes of the run
 * @param keeper the program that made the namespace
 */
export function namespaceCensus(space: Omit<Space, 'release'>, mark: string, keeper: number): Census {
  const isMember = (pid: number) => pid !== space.init && isIn(pid, space.name);
  /** The launcher shell outside the namespace, once found. */
  let launcher: ProcessRow | undefined;

  return {
    isMember,
    count: async (): Promise<Counted> => {
      const rows = await readProcessTable();
      const init = rows.find(row => row.pid === space.init && row.started === space.initStarted);
      const members = new Map<number, ProcessRow>();
      const alive = rows.filter(row => !row.zombie && row !== init);
      await forEachYielding(alive, row => {
        if (isMember(row.pid)) members.set(row.pid, row);
      });
      for (let before = -1; before !== members.size;) {
        before = members.size;
        for (const row of alive) {
          if (members.has(row.parent) || row.parent === init?.pid) members.set(row.pid, row);
        }
      }
      // The first process has an identical-looking helper.
      for (const row of members.values()) {
        if (row.parent === init?.pid && isEngines(row)) members.delete(row.pid);
      }
      const known = launcher && rows.find(row => isSame(row, launcher));
      // Before the launcher has entered the namespace, only the helper has the mark. It is a child of the first process.
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
    await forEachYielding(rows, row => {
      if (found === undefined && isEngines(row)) found = row;
    });
    return found;
  }
}

const isSame = (row: ProcessRow, other: ProcessRow | undefined) =>
  row.pid === other?.pid && row.started === other.started;

/** Processes in other namespaces, ended processes and invisible ones do not belong to the run. */
function isIn(pid: number, space: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`) === space;
  } catch {
    return false;
  }
}
