import { setTimeout as sleep } from 'node:timers/promises';
import { isMark, KEEPER, SANDBOX } from './mark.ts';
import { MemberSearch } from './member-search.ts';
import { namesOf } from './process-table.ts';
import { signal } from './process-group.ts';

/** How long processes may take to end after SIGKILL, in ms: one that waits for a broken disk does not end at all. */
const PATIENCE_MS = 10_000;

/**
 * Ends the processes of runs whose worker died, those beside them included. They are known by the marks that they have
 * had in their environment since their start, which no other process can have, and by being their kin; so nothing but a
 * process of a run is ever ended, whatever the words are. Where the system does not show environments (all but Linux)
 * nothing is found.
 *
 * @param marks of the runs
 * @returns how many were ended
 * @throws Error naming the processes that are left
 */
export async function endLeftovers(marks: readonly string[]): Promise<number> {
  const ours = marks.filter(isMark);
  const entries = ours.flatMap(mark => [`${KEEPER}=${mark}`, `${SANDBOX}=${mark}`]);
  if (entries.length === 0 || process.platform !== 'linux') return 0;
  const search = new MemberSearch(entries, 0);
  const ended = new Set<number>();
  const end = performance.now() + PATIENCE_MS;
  for (let pause = 1; ; pause = Math.min(2 * pause, 32)) {
    const members = await search.members();
    if (members.length === 0) return ended.size;
    if (performance.now() > end) {
      throw new Error(`Processes cannot be ended: ${namesOf(members)}`);
    }
    // All are stopped first, so that none is born meanwhile; who was born before is found at the next look.
    for (const { pid } of members) signal(pid, 'SIGSTOP');
    for (const { pid } of members) if (signal(pid, 'SIGKILL') === 'sent') ended.add(pid);
    await sleep(pause);
  }
}
