import type { Census } from './processes/census.ts';
import type { Launcher } from './launcher/launcher.ts';
import type { OpenPty, PtyStart } from '../terminal/index.ts';
import type { OutputPipe } from './launcher/output-pipe.ts';

/** What keeps the processes of one run together, so that they can be found and ended. */
export interface Enclosure {
  /** Starts commands inside. */
  readonly launcher: Launcher;
  readonly pipe: OutputPipe;
  /** Where commands write their errors, if not to the same pipe. */
  readonly errors: OutputPipe | undefined;
  /** Knows its processes. */
  readonly census: Census;
  /**
   * How a script of shell is run in a terminal, inside.
   *
   * @param env variables that no program before the script obeys
   */
  inTerminal(script: string, env: Readonly<Record<string, string>>): Pick<PtyStart, 'file' | 'args' | 'env'>;
  /** Told of each terminal that was opened inside. */
  onTerminal?(terminal: OpenPty): void;
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
  /** Gives back what was made on the machine for a run that does not come. Nobody of it is alive. */
  discard?(): Promise<void>;
}
