import { setTimeout as sleep } from 'node:timers/promises';
import type { MemberSearch } from './member-search.ts';
import { namesOf, type ProcessRow } from '../processes/process-table.ts';
import { signal } from '../processes/signal.ts';

/** How long processes may outlive SIGKILL, in ms: a process that waits for a broken disk never ends. */
const PATIENCE_MS = 10_000;
/** The same in ms for processes that this user may not signal: they end only by themselves. */
const REFUSED_MS = 2_000;
/** How often they are killed at least: on a busy machine, time alone says little. */
const FEWEST_ROUNDS = 30;
const LONGEST_PAUSE_MS = 32;
/** How long new members are searched for before the known ones are ended, in ms. */
const STOPPING_MS = 1_000;
/** One search can miss processes that were forked during it by parents that have ended since. */
const EMPTY_SCANS = 2;
/**
 * How long the search continues in ms while each search misses processes that end during it. They may be other
 * programs of a busy machine, or a member that forks and ends all the time.
 */
const UNSURE_MS = 500;
/** The pause between these searches, in ms. */
const UNSURE_PAUSE_MS = 5;

/**
 * Kills the members of a run with SIGKILL.
 *
 * @returns how many were ended
 * @throws Error naming those that do not end, or when the system does not list processes
 */
export async function endMembers(search: MemberSearch): Promise<number> {
  const start = performance.now();
  const ended = new Set<number>();
  let emptyScans = 0;
  let emptySince = start;
  for (let round = 1; ; round++) {
    const members = await stopMembers(search, { otherwise: 'SIGKILL' });
    if (members.length === 0) {
      if (emptyScans++ === 0) emptySince = performance.now();
      const isOver = search.isSure || performance.now() > emptySince + UNSURE_MS;
      if (isOver && emptyScans >= EMPTY_SCANS) return ended.size;
      if (emptyScans > EMPTY_SCANS) await sleep(UNSURE_PAUSE_MS);
      continue;
    }
    emptyScans = 0;
    // No process escapes a signal to its group by forking.
    for (const group of search.groups) signal(-group, 'SIGKILL');
    const sent = members.filter(({ pid }) => signal(pid, 'SIGKILL') !== 'refused');
    for (const { pid } of sent) ended.add(pid);
    const patience = sent.length === 0 ? REFUSED_MS : PATIENCE_MS;
    if (performance.now() > start + patience && round > FEWEST_ROUNDS) {
      throw new Error(`Processes cannot be ended: ${namesOf(members)}`);
    }
    await sleep(Math.min(2 ** round, LONGEST_PAUSE_MS));
  }
}

interface StopOptions {
  /** A member that continues. */
  readonly except?: number;
  /** What the stopped members get if the search fails: nobody else would continue or end them. */
  readonly otherwise: 'SIGCONT' | 'SIGKILL';
}

/**
 * Stops members until a search finds no new one, so that none escapes the following signal by forking. If they fork faster
 * than they are found, the signal goes to the known ones.
 *
 * @throws Error when the system does not list processes
 */
export async function stopMembers(
  search: MemberSearch,
  { except, otherwise }: StopOptions,
): Promise<ProcessRow[]> {
  const seen = new Set<number>();
  /** Without those that have ended: another process may get their number. */
  const stopped = new Set<number>();
  const stopOne = (pid: number) => {
    if (signal(pid, 'SIGSTOP') === 'sent') stopped.add(pid);
  };
  const end = performance.now() + STOPPING_MS;
  try {
    for (;;) {
      let fresh = 0;
      const stop = ({ pid }: ProcessRow) => {
        if (pid === except || seen.has(pid)) return;
        seen.add(pid);
        stopOne(pid);
        fresh++;
      };
      const members = (await search.members(stop)).filter(({ pid }) => pid !== except);
      members.forEach(stop);
      // The signal reaches every process of a group at once, so none of its work continues in a child.
      if (except === undefined) for (const group of search.groups) stopOne(-group);
      if (fresh === 0 || performance.now() > end) return members;
    }
  } catch (error) {
    for (const pid of stopped) signal(pid, otherwise);
    throw error;
  }
}
