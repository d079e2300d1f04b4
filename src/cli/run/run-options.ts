import type { GivenFlags } from '../config/sources/flags.ts';

/** The options of `tcw run`. */
export interface RunOptions extends GivenFlags {
  /** The file given with `--config`. */
  readonly file?: string | undefined;
  readonly withWorkerRunner?: true | undefined;
  readonly workerRunnerProtocolPipe?: string | undefined;
  /** Only check everything that a start needs. */
  readonly check?: true | undefined;
  /** Print the report of the check as JSON. */
  readonly json?: true | undefined;
}
