import type { Secret } from '../base/index.ts';
import type { Host } from '../pool/index.ts';
import type { WorkerConfig } from '../worker/config/index.ts';
import type { LiveSecrets, Tell } from '../worker/index.ts';
import type { Logger } from './output/logger.ts';
import type { Output } from './output/output.ts';

/**
 * What a command writes to. Its result is its exit code, one of `EXIT_CODES`. For an end that the user can do
 * something about it throws a `Failure`; anything else that is thrown is unexpected and prints its stack.
 */
export interface CommandIo {
  /** What the command is asked for: credentials to copy, logs of tasks, a schema. */
  readonly stdout: Pick<Output, 'write' | 'isTerminal' | 'hasColours'>;
  /** Everything else that happens, on standard error. */
  readonly logger: Logger;
  /** What that log hides: a command adds the secrets that it comes to know. */
  readonly secrets: LiveSecrets;
}

/** `tcw run`: works until it is told to stop. Lives in `run.ts`. */
export type RunCommand = (
  config: WorkerConfig,
  io: CommandIo,
  host: Pick<Host, 'credentials' | 'credentials$' | 'leave$' | 'isNeeded'>,
  /** Told of everything that the worker tells. */
  see: Tell,
) => Promise<number>;

/** `tcw dev`: a queue, a broker and a worker in one process. Lives in `dev.ts`. */
export type DevCommand = (options: DevOptions, io: CommandIo) => Promise<number>;

/** The properties of the worker that `tcw dev` lets one choose; it makes the rest itself. */
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
  /** Files with a task definition or a bare payload: each is created as a task at once. */
  readonly tasks: readonly string[];
  /** The file that is used when `tasks` is empty. */
  readonly defaultTask?: string;
  /** Where the queue listens on 127.0.0.1; 0 is any free port. */
  readonly port: number;
  /** Exit when the created tasks are resolved. */
  readonly once: boolean;
  /** With `once`: the folder that gets the artifacts of the tasks. */
  readonly artifacts?: string;
  /** The broker as the user that may publish as Taskcluster; the worker's is `worker.pulseUrl`. */
  readonly queuePulseUrl?: Secret;
  /** What was asked for of the worker, checked. */
  readonly worker: Partial<Pick<WorkerConfig, (typeof DEV_PROPERTIES)[number]>>;
}
