import type { Secret } from '../base/index.ts';
import type { Host } from '../pool/index.ts';
import type { WorkerConfig } from '../worker/config/index.ts';
import type { LiveSecrets, Emit } from '../worker/index.ts';
import type { Logger } from './output/logger.ts';
import type { Output } from './output/output.ts';

/**
 * The output of a command. A command returns its exit code, one of `EXIT_CODES`. It throws a `Failure` for an error
 * that the user can correct. Any other error is unexpected, and its stack is printed.
 */
export interface CommandIo {
  /** The result that the user asked for: credentials to copy, task logs, a schema. */
  readonly stdout: Pick<Output, 'write' | 'isTerminal' | 'hasColours'>;
  /** The log of everything else, on standard error. */
  readonly logger: Logger;
  /** The secrets that the log hides. A command adds each secret that it learns. */
  readonly secrets: LiveSecrets;
}

/** `tcw run`: works until it is stopped. Implemented in `run/run.ts`. */
export type RunCommand = (
  config: WorkerConfig,
  io: CommandIo,
  host: Pick<Host, 'credentials' | 'credentials$' | 'shutdownRequest$' | 'isNeeded'>,
  /** Called for every event of the worker. */
  see: Emit,
) => Promise<number>;

/** `tcw dev`: a queue, a broker and a worker in one process. Implemented in `dev/dev.ts`. */
export type DevCommand = (options: DevOptions, io: CommandIo) => Promise<number>;

/** The worker properties that the user of `tcw dev` can set. The command sets the others itself. */
export const DEV_PROPERTIES = [
  'capacity',
  'tasksDir',
  'killGraceSecs',
  'engine',
  'dockerHost',
  'containment',
  'taskPath',
  'encryptedEnvKeyLocation',
  'logLevel',
  'pulseUrl',
] as const satisfies readonly (keyof WorkerConfig)[];

export interface DevOptions {
  /** Files with a task definition or only a payload. A task is created from each file at the start. */
  readonly tasks: readonly string[];
  /** The file that is used when `tasks` is empty. */
  readonly defaultTask?: string;
  /** The port of the queue on 127.0.0.1; 0 selects any free port. */
  readonly port: number;
  /** Exit as soon as the created tasks are resolved. */
  readonly once: boolean;
  /** With `once`: the folder to which the artifacts of the tasks are copied. */
  readonly artifacts?: string;
  /** The URL of the broker with the user that may publish as Taskcluster. The worker's URL is `worker.pulseUrl`. */
  readonly queuePulseUrl?: Secret;
  /** The worker properties from the command line, already checked. */
  readonly worker: Partial<Pick<WorkerConfig, (typeof DEV_PROPERTIES)[number]>>;
}
