import type { Observable } from 'rxjs';
import type { Shutdown } from '../streams/index.ts';
import type { Credentials } from '../taskcluster/index.ts';

/** Whoever the worker came from and belongs to: worker-runner, worker-manager, or nobody but a configuration file. */
export interface Host {
  /** The worker's present credentials; undefined where the configuration's are used for ever. */
  readonly credentials?: (() => Credentials) | undefined;
  /** Emits each replacement as a whole: logs have to hide it, and open tunnels to use it. */
  readonly credentials$: Observable<Credentials>;
  /** The worker has to go. May emit the same again and again; only a stronger wish changes anything. */
  readonly leave$: Observable<Leave>;
  /**
   * Asked when the worker has nothing to do, and from time to time. `false`: the worker is not needed, finishes its tasks
   * and exits with 70. A host that cannot find out for now says `true`. Undefined, also as the answer, where nobody decides on that:
   * then `idleTimeoutSecs` counts alone.
   */
  isNeeded?(signal: AbortSignal): Promise<boolean | undefined>;
  /** Reports a problem of the machine or the pool to the pool's owner. Publicly visible: no secrets. Never throws. */
  reportError(problem: PoolProblem): Promise<void>;
  /** The worker has ended with this exit code: shut the machine down, remove the worker, or do nothing. Never throws. */
  ended(exitCode: number): Promise<void>;
}

/** A wish that the worker goes. */
export interface Leave {
  readonly how: Shutdown;
  /** Completes "the worker goes, because …" */
  readonly because: string;
  /** How much time is left, in ms, where somebody knows: a spot notice. */
  readonly withinMs?: number;
}

/** What the pool's owner has to know, as worker-manager takes it: `kind` ≤ 128 characters of `[-a-z0-9]`. */
export interface PoolProblem {
  readonly kind: string;
  readonly title: string;
  readonly description: string;
  readonly extra: Readonly<Record<string, unknown>>;
}
