import type { Backoff } from '../pulse/index.ts';

/** How long a call may take, and how often it is tried again when there was no good answer. */
export interface CallPolicy {
  /** For each request, in ms. */
  readonly timeoutMs: number;
  /** Further tries after an answer of 429 or 5xx, or none at all. */
  readonly retries: number;
  readonly backoff: Backoff;
}

const BACKOFF: Backoff = { baseMs: 200, capMs: 20_000 };
/** About ten minutes of an outage. */
const STUBBORN: CallPolicy = { timeoutMs: 30_000, retries: 60, backoff: BACKOFF };
/** About a minute of it. */
const PATIENT: CallPolicy = { timeoutMs: 30_000, retries: 12, backoff: BACKOFF };
const QUICK: CallPolicy = { timeoutMs: 10_000, retries: 1, backoff: { baseMs: 100, capMs: 500 } };

/**
 * The policy of each call that tcw makes. All retrying is done here, by these numbers, in the open.
 *
 * - `claimWork` is never tried again: what an unanswered call has claimed would be lost a second time. The
 *   queue answers after 20 s at the latest.
 * - `reclaimTask` is tried again by the reclaim operator, until the claim has expired.
 * - What a run has done is not thrown away for an outage: its artifacts and its report are tried for as long as a
 *   deployment may be away. When the claim is lost meanwhile, the queue says so (409).
 * - An exception is tried for less long: most are of a worker that goes, and expiry has the same effect.
 * - Questions give up soon: their answers get old, and a timer asks again.
 */
export const CALL_POLICIES = {
  claimWork: { ...PATIENT, timeoutMs: 60_000, retries: 0 },
  reclaimTask: { ...PATIENT, retries: 0 },
  reportCompleted: STUBBORN,
  reportFailed: STUBBORN,
  reportException: PATIENT,
  createArtifact: STUBBORN,
  createTask: PATIENT,
  status: QUICK,
  pendingTasks: QUICK,
  getWorker: QUICK,
} satisfies Record<string, CallPolicy>;

export type QueueCall = keyof typeof CALL_POLICIES;
