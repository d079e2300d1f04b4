import type { Observable } from 'rxjs';
import type { Claim, Queue } from '../../taskcluster/index.ts';
import type { RunException } from '../../streams/index.ts';
import type { WorkerConfig } from '../config/index.ts';
import type { Engines } from '../engines/engines.ts';
import type { Emit } from '../events.ts';
import type { OpenFeature } from '../features/index.ts';
import type { IsNeeded } from './needed.ts';
import type { Ledger } from '../ledger/index.ts';
import type { Payloads } from '../payloads/index.ts';
import type { LiveSecrets } from '../secrets/live-secrets.ts';
import type { DiskCollector } from '../stores/index.ts';

/** The parts of a worker. They are passed in so that tests can replace each of them. */
export interface WorkerParts {
  readonly config: WorkerConfig;
  readonly queue: Queue;
  readonly engines: Engines;
  /** The features that tasks may use. */
  readonly features: readonly OpenFeature[];
  readonly payloads: Payloads;
  /** Checked before each claim. Without it, tasks are claimed even if the disk is full. */
  readonly collector?: DiskCollector;
  /** Spreads the requests of a fleet over time. By default `Math.random`. */
  readonly random?: () => number;
  /** The record of runs. Without it, leftovers of a crash stay. */
  readonly ledger?: Ledger | undefined;
  /** Asks the worker's owner whether the worker is still needed. Undefined if nobody decides that. */
  readonly isNeeded?: IsNeeded | undefined;
  /**
   * The time in ms in which a worker that is told to exit has to do so; 0 for no limit. By default
   * `shutdownGraceSecs`.
   */
  readonly graceMs?: () => number;
  /** The worker's version. Printed at the top of each task's log, beside `workerTypeMetadata`. */
  readonly version: string;
  /** Secrets that task logs hide. By default, those of this worker only. */
  readonly secrets?: LiveSecrets;
  /** Receives each chunk of each task's log as it is written. */
  readonly onLog?: (claim: Claim, chunk: Buffer) => void;
}

/** The parts of a worker that a run needs. */
export interface WorkerContext extends WorkerParts {
  readonly secrets: LiveSecrets;
  readonly emit: Emit;
  /**
   * Exceptions of this worker's runs. Replays the last minute, because a message may arrive before the claim's
   * answer.
   */
  readonly exceptions$: Observable<RunException>;
  /**
   * Exceptions may have been missed until this time (`performance.now()`), so check the status. Replays the
   * last time.
   */
  readonly missed$: Observable<number>;
  /**
   * Emits the time (`performance.now()`) at which the worker was told to exit at once, and replays it.
   * `-Infinity` means that the worker is forced and has no time left.
   */
  readonly shutdown$: Observable<number>;
  /**
   * Emits once, when a task may be given back: at once, unless the worker is draining or an engine is away. Then no `claimWork`
   * call may be open, through which the task would come straight back.
   */
  readonly noClaimOpen$?: Observable<unknown>;
  /** The worker asks for no more work, and exits now or when its runs are over. Replayed to later subscribers. */
  readonly draining$: Observable<unknown>;
  /** An absent engine is back. Processes that could not be ended may be ended now. */
  readonly engineBack$?: Observable<unknown>;
  /**
   * Whether the engine that a claim's task needs is away. Emits once.
   *
   * @param options `recent`: an answer of the last second will do
   */
  readonly isEngineAway?: (claim: Claim, options?: { readonly recent?: boolean }) => Observable<boolean>;
}
