import type { Observable } from 'rxjs';
import type { Claim, Queue } from '../../taskcluster/index.ts';
import type { RunException } from '../../streams/index.ts';
import type { WorkerConfig } from '../config/index.ts';
import type { Engines } from '../engines/engines.ts';
import type { Tell } from '../events.ts';
import type { OpenFeature } from '../features/index.ts';
import type { IsNeeded } from './needed.ts';
import type { Ledger } from '../ledger/index.ts';
import type { Payloads } from '../payloads/index.ts';
import type { LiveSecrets } from '../secrets/live-secrets.ts';
import type { DiskCollector } from '../stores/index.ts';

/** What a worker is made of, passed in so that a test can turn each of them. */
export interface WorkerParts {
  readonly config: WorkerConfig;
  readonly queue: Queue;
  readonly engines: Engines;
  /** What tasks may ask for. */
  readonly features: readonly OpenFeature[];
  readonly payloads: Payloads;
  /** Looked at before each claim; without it, tasks are claimed however full the disk is. */
  readonly collector?: DiskCollector;
  /** Spreads what a fleet would do at once; `Math.random` unless given. */
  readonly random?: () => number;
  /** Where runs are written down; without it, what a sudden death leaves of them stays. */
  readonly ledger?: Ledger | undefined;
  /** Asks whoever the worker belongs to whether it is still needed; undefined where nobody decides on that. */
  readonly isNeeded?: IsNeeded | undefined;
  /** How much time a worker has that was told to go, in ms, 0 for no limit: `shutdownGraceSecs`, unless somebody knows better. */
  readonly graceMs?: () => number;
  /** What the task's log says about the worker, beside `workerTypeMetadata`. */
  readonly version: string;
  /** What the logs of tasks hide; of this worker alone unless it is given. */
  readonly secrets?: LiveSecrets;
  /** Gets each piece of each task's log as it is written. */
  readonly onLog?: (claim: Claim, chunk: Buffer) => void;
}

/** What one run needs of its worker. */
export interface WorkerContext extends WorkerParts {
  readonly secrets: LiveSecrets;
  readonly tell: Tell;
  /** Exceptions of this worker's runs; the last minute's come first, since a message may overtake a claim's answer. */
  readonly exceptions$: Observable<RunException>;
  /** Exceptions may have been missed until this time (`performance.now()`): look for yourself. The last time comes first. */
  readonly missed$: Observable<number>;
  /**
   * The worker has to go now. When it was told (`performance.now()`), also to those that ask later. `-Infinity`, for a
   * worker that is forced: whatever it was given is over.
   */
  readonly shutdown$: Observable<number>;
  /**
   * Emits once, when a task may be given back: at once, unless the worker is draining or an engine is away. Then no `claimWork`
   * call may be open, through which the task would come straight back.
   */
  readonly noClaimOpen$?: Observable<unknown>;
  /** The worker asks for nothing more: it has to go, now or when its runs are over. Emits at once to those that ask later. */
  readonly draining$: Observable<unknown>;
  /** An engine answers again that was away: what could not be ended meanwhile may be ended now. */
  readonly engineBack$?: Observable<unknown>;
  /**
   * Whether the engine that a claim's task needs is away. Emits once.
   *
   * @param options `recent`: an answer of the last second will do
   */
  readonly isEngineAway?: (claim: Claim, options?: { readonly recent?: boolean }) => Observable<boolean>;
}
