import type { Engine } from '../engine.ts';
import { endMembers } from './process-group/end-members.ts';
import { isMark, KEEPER, SANDBOX } from './processes/mark.ts';
import { MemberSearch } from './process-group/member-search.ts';

/**
 * Ends the processes of runs whose worker died, including the engine's own beside them. They are identified by marks in
 * their environment since their start, which no other process can have, and by their descent. So only processes of runs are
 * ever ended, whatever the texts are. Where the system does not show environments (everything but Linux) nothing is found.
 *
 * @param marks of the runs
 * @returns how many were ended
 * @throws Error naming the processes that are left
 */
export async function endLeftovers(marks: readonly string[]): Promise<number> {
  const ours = marks.filter(isMark);
  const entries = ours.flatMap(mark => [`${KEEPER}=${mark}`, `${SANDBOX}=${mark}`]);
  if (entries.length === 0 || process.platform !== 'linux') return 0;
  return endMembers(new MemberSearch(entries, 0));
}

/** For callers that only remove leftovers. */
export const nativeLeftovers: Required<Pick<Engine, 'endLeftovers'>> = { endLeftovers };
