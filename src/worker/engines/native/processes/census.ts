import type { ProcessRow } from './process-table.ts';

/** Lists the processes of one run. */
export interface Census {
  /**
   * A quick check whether a process belongs to the run. False may also mean that only {@link Census.count} can find out.
   */
  isMember(pid: number): boolean;
  /**
   * All living processes, in no particular order.
   *
   * @throws Error when the system does not list processes
   */
  count(): Promise<Counted>;
}

export interface Counted {
  readonly members: readonly ProcessRow[];
  /** The engine's own processes: the launcher shell, and the first process of the namespace, which reaps orphans. */
  readonly reapers: readonly ProcessRow[];
}
