import type { Field } from './faults.ts';

export interface SoakOptions {
  readonly tasks: number;
  /** The same seed gives the same tasks, and the same faults in the same order. */
  readonly seed: number;
  /** The names of the faults. Each is injected once. */
  readonly faults: readonly string[];
  /** The capacity of each worker. */
  readonly workers: readonly number[];
  readonly claimMs: number;
  /** The longest duration of a fault, a pause between faults, or a plain task, in ms. */
  readonly longestMs?: number;
  /** How long a `claimWork` waits for work, in ms. */
  readonly longPollMs?: number;
}

export interface SoakBroker {
  readonly pulseUrl: string;
  readonly queuePulseUrl: string;
  /** Undefined if the soak may not stop the broker. */
  readonly restart: Field['broker'];
}
