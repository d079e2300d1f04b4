import type { Engine } from '../engine.ts';
import { endMembers } from './process-group/end-members.ts';
import { isMark, KEEPER, SANDBOX } from './processes/mark.ts';
import { MemberSearch } from './process-group/member-search.ts';

/**
 * Ends the processes of runs whose worker died, including the engine's own programs beside them. It identifies them by
 * the marks in their environment, which no other process can have, and by their ancestors. So it ends only processes of
 * runs, whatever texts it receives. Where the system does not show environments (everything but Linux), it finds
 * nothing.
 *
 * @param marks of the runs
 * @returns how many were ended
 * @throws Error naming the processes that remain
 */
export async function endLeftovers(marks: readonly string[]): Promise<number> {
  const ours = marks.filter(isMark);
  const entries = ours.flatMap(mark => [`${KEEPER}=${mark}`, `${SANDBOX}=${mark}`]);
  if (entries.length === 0 || process.platform !== 'linux') return 0;
  return endMembers(new MemberSearch(entries, 0));
}

/** For callers that only remove leftovers. */
export const nativeLeftovers: Required<Pick<Engine, 'endLeftovers'>> = { endLeftovers };
