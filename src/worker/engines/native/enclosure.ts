import type { OutputPipe } from './output-pipe.ts';

/** What keeps the processes of one run together, so that they can be found and ended. */
export interface Enclosure {
  readonly entrance: Entrance;
  readonly pipe: OutputPipe;
  /** Tells of a process, started through the entrance, that leads the processes of one command. */
  entered(leader: number): void;
  /** Tells that such a process has ended. */
  left(leader: number): void;
  /** Whether it has ended, so that nothing can be started in it any more. */
  readonly over: boolean;
  /** Is any process of the run alive? What only waits to be reaped is not. */
  anyAlive(): Promise<boolean>;
  /** Sends SIGTERM to every process of the run, once. */
  terminate(): Promise<void>;
  /** Sends SIGKILL to every process of the run; settles when none is left. May be called again. */
  kill(): Promise<void>;
}

/** The first descriptor after the standard ones and the one on which a launched command's status is told. */
export const FIRST_DESCRIPTOR = 4;

/** How a command is started so that it is inside. */
export interface Entrance {
  /** A program and its arguments that end up running the arguments after them, inside. */
  readonly enter: readonly string[];
  /** Open files that those programs find at FIRST_DESCRIPTOR and up. */
  readonly descriptors: readonly number[];
  /** As `enter`, but for the command alone, inside already: words of the shell. */
  readonly launch: string;
  /** Variables by which the processes of the run are known. */
  readonly mark: Readonly<Record<string, string>>;
}
