import type { Launcher } from './launcher.ts';
import type { OutputPipe } from './output-pipe.ts';

/** What keeps the processes of one run together, so that they can be found and ended. */
export interface Enclosure {
  /** Starts commands inside. */
  readonly launcher: Launcher;
  readonly pipe: OutputPipe;
  /** Whether it has ended, so that nothing can be started in it any more. */
  readonly over: boolean;
  /** Is any process of the run alive? What only waits to be reaped is not. */
  anyAlive(): Promise<boolean>;
  /** Sends SIGTERM to every process of the run, once. */
  terminate(): Promise<void>;
  /**
   * Sends SIGKILL to every process of the run; settles when none is left. May be called again.
   *
   * @throws Error after a bounded time, naming the processes that do not end
   */
  kill(): Promise<void>;
}
