import type { Census } from '../processes/census.ts';
import type { MemberSearch } from './member-search.ts';
import { readProcess } from '../processes/process-table.ts';

/**
 * Lists the processes of a run without a namespace.
 *
 * @param leader the launcher shell
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
