import type { Census } from './processes/census.ts';
import type { Launcher } from './launcher/launcher.ts';
import type { OpenPty, PtyStart } from '../terminal/index.ts';
import type { OutputPipe } from './launcher/output-pipe.ts';

/** Holds the processes of one run together, so that all of them can be found and ended. */
export interface Enclosure {
  /** Starts commands in the enclosure. */
  readonly launcher: Launcher;
  readonly pipe: OutputPipe;
  /** The pipe of standard error, if it is separate. */
  readonly errors: OutputPipe | undefined;
  /** Lists its processes. */
  readonly census: Census;
  /**
   * The command that runs a shell script in a terminal inside the enclosure.
   *
   * @param env variables that no program before the script obeys
   */
  inTerminal(script: string, env: Readonly<Record<string, string>>): Pick<PtyStart, 'file' | 'args' | 'env'>;
  /** Called for each terminal that was opened inside. */
  onTerminal?(terminal: OpenPty): void;
  /** Whether the enclosure has ended: nothing can be started in it any more. */
  readonly over: boolean;
  /** Whether any process of the run is alive. Zombies do not count. */
  anyAlive(): Promise<boolean>;
  /** Sends SIGTERM to every process of the run, once. */
  terminate(): Promise<void>;
  /**
   * Sends SIGKILL to every process of the run; settles when none is left. May be called again.
   *
   * @throws Error after a bounded time, naming the processes that do not end
   */
  kill(): Promise<void>;
  /** Frees everything that was created on the machine for a run that will not come. Its processes are all dead. */
  discard?(): Promise<void>;
}
