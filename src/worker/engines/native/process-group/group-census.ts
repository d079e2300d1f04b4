import type { Census } from '../processes/census.ts';
import type { MemberSearch } from './member-search.ts';
import { readProcess } from '../processes/process-table.ts';

/**
 * Knows the processes of a run that a process group holds together.
 *
 * @param leader the shell that starts the run's commands
 */
export function groupCensus(search: MemberSearch, leader: number): Census {
  return {
    isMember: pid => {
      const row = pid === leader ? undefined : readProcess(pid);
      return row !== undefined && search.isMarked(row);
    },
    count: async () => {
      const found = await search.members();
      return {
        members: found.filter(({ pid }) => pid !== leader),
        reapers: found.filter(({ pid }) => pid === leader),
      };
    },
  };
}
