import type { Claim, RunCalls } from '../../queue/index.ts';
import type { WorkerConfig } from '../config/index.ts';
import type { RunFolder } from '../files/run-folder.ts';
import type { TaskLog } from '../task-log/task-log.ts';
import type { Payload } from './payload.ts';

/** A run, as its features see it. */
export interface FeatureRun {
  readonly claim: Claim;
  readonly calls: RunCalls;
  readonly payload: Payload;
  /** The run's own folder, absolute. */
  readonly folder: string;
  readonly log: TaskLog;
  readonly config: WorkerConfig;
  /** Aborted when the run is stopped. */
  readonly signal: AbortSignal;
}

/** A run whose commands have ended. */
export interface FinishingRun extends FeatureRun {
  /** The run's own folder, as it was made. */
  readonly home: RunFolder;
}

/** Something that a payload may ask for. Each owns its part of the payload schema. */
export interface Feature {
  readonly name: string;
  /** A file in `schemas/payload/`, without `.json`. */
  readonly schema: string;
  /** @throws TaskError when the payload asks for what can not be had here */
  check?(run: FeatureRun): void;
  /** After the commands, whatever came of them. @throws TaskError when the run does not count as completed */
  finish?(run: FinishingRun): Promise<void>;
}
