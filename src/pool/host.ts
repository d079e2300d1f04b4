import type { Observable } from 'rxjs';
import type { Shutdown } from '../streams/index.ts';
import type { Credentials } from '../taskcluster/index.ts';

/** What manages the worker: worker-runner, worker-manager, or only a configuration file. */
export interface Host {
  /** Returns the worker's current credentials. Undefined if those in the configuration are never replaced. */
  readonly credentials?: (() => Credentials) | undefined;
  /** Emits each replacement of the credentials as a whole. Logs must hide it, and open tunnels must use it. */
  readonly credentials$: Observable<Credentials>;
  /** Emits requests that the worker shuts down. The same request may be repeated; only a stronger one has an effect. */
  readonly shutdownRequest$: Observable<ShutdownRequest>;
  /**
   * Called when the worker is idle, and from time to time. With `false` the worker is not needed: it finishes its tasks
   * and exits with 70. A host that cannot find out for now returns `true`. If nothing decides this, the method or its
   * result is undefined, and only `idleTimeoutSecs` counts.
   */
  isNeeded?(signal: AbortSignal): Promise<boolean | undefined>;
  /**
   * Reports a problem of the machine or pool to the pool's owner. Reports are public: include no secrets. Never throws.
   */
  reportError(problem: PoolProblem): Promise<void>;
  /**
   * Called when the worker has ended with this exit code. Shuts the machine down, removes the worker, or does nothing.
   * Never throws.
   */
  ended(exitCode: number): Promise<void>;
}

/** A request that the worker shuts down. */
export interface ShutdownRequest {
  readonly how: Shutdown;
  /** Completes "the worker shuts down: …" */
  readonly because: string;
  /** The time left until the machine is taken away, in ms, if known from a spot notice. */
  readonly withinMs?: number;
}

/** A problem for the pool's owner, in worker-manager's format: `kind` has at most 128 characters of `[-a-z0-9]`. */
export interface PoolProblem {
  readonly kind: string;
  readonly title: string;
  readonly description: string;
  readonly extra: Readonly<Record<string, unknown>>;
}
