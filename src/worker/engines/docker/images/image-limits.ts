import type { Backoff } from '../../../../base/index.ts';

/** How long is waited for images. */
export interface ImageLimits {
  /** How often a pull is tried. */
  readonly attempts: number;
  readonly backoff: Backoff;
  /** After a registry has refused for the number of pulls. */
  readonly rateBackoff: Backoff;
  /** A pull or a load of which nothing is heard for so long is over, in ms. */
  readonly stallMs: number;
  /** Time between two lines in a task's log, in ms. */
  readonly sayEveryMs: number;
  /** An image that was pulled by a tag is looked for again when so much time has passed, in ms. */
  readonly tagMs: number;
  /** An archive is loaded no further than until this many bytes of the engine's disk are left: a small one may hold any number. */
  readonly reserveBytes: number;
}

export const USUAL_LIMITS: ImageLimits = {
  attempts: 5,
  backoff: { baseMs: 2_000, capMs: 30_000 },
  rateBackoff: { baseMs: 30_000, capMs: 120_000 },
  stallMs: 5 * 60_000,
  sayEveryMs: 5_000,
  tagMs: 24 * 60 * 60_000,
  reserveBytes: 256 * 1024 ** 2,
};
