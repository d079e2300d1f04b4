import type { ProcessRow } from './process-table.ts';

/** Knows the processes of one run. */
export interface Census {
  /**
   * Whether a process is one of the run's, told quickly. False may also mean that only {@link Census.count} can tell.
   */
  isMember(pid: number): boolean;
  /**
   * All that are alive, in no certain order.
   *
   * @throws Error when the system does not tell which processes there are
   */
  count(): Promise<Counted>;
}

export interface Counted {
  readonly members: readonly ProcessRow[];
  /**
   * The shell that starts the run's commands and waits for them, and the first process of its namespace, which waits for
   * what has lost its parent: they are the engine's own.
   */
  readonly reapers: readonly ProcessRow[];
}
