import type { Backoff } from '../../../../base/index.ts';

/** Time limits and retries for images. */
export interface ImageLimits {
  /** How often a pull is tried in all. */
  readonly attempts: number;
  readonly backoff: Backoff;
  /** Pauses after a registry has refused for too many pulls. */
  readonly rateBackoff: Backoff;
  /** A pull or load without progress for this time is given up, in ms. */
  readonly stallMs: number;
  /** Pause between two progress lines in a task's log, in ms. */
  readonly reportEveryMs: number;
  /** How long a tag counts as current, in ms. */
  readonly tagMs: number;
  /** Free space in bytes on the engine's disk at which a load stops: a small archive may expand without limit. */
  readonly reserveBytes: number;
}

export const DEFAULT_LIMITS: ImageLimits = {
  attempts: 5,
  backoff: { baseMs: 2_000, capMs: 30_000 },
  rateBackoff: { baseMs: 30_000, capMs: 120_000 },
  stallMs: 5 * 60_000,
  reportEveryMs: 5_000,
  tagMs: 24 * 60 * 60_000,
  reserveBytes: 256 * 1024 ** 2,
};
