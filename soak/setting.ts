import type { Field } from './faults.ts';

export interface SoakOptions {
  readonly tasks: number;
  /** The same seed: the same tasks, and the same faults in the same order. */
  readonly seed: number;
  /** The names of faults, each to strike once. */
  readonly faults: readonly string[];
  /** The capacity of each worker. */
  readonly workers: readonly number[];
  readonly claimMs: number;
  /** No fault, no pause between two and no plain task lasts longer, in ms. */
  readonly longestMs?: number;
  /** How long a `claimWork` waits for work, in ms. */
  readonly longPollMs?: number;
}

export interface SoakBroker {
  readonly pulseUrl: string;
  readonly queuePulseUrl: string;
  /** Undefined where it is not ours to stop. */
  readonly restart: Field['broker'];
}
