import type { Backoff } from '../base/index.ts';
import type { ServiceName } from './services.ts';

/** How long a call may take, and how often it is tried again when there was no good answer. */
export interface CallPolicy {
  /**
   * The longest that one request may take, in ms. Where there are retries, the first request may take 2.5 s, and each
   * further one twice as long as the one before.
   */
  readonly timeoutMs: number;
  /** Retries after an answer of 429 or 5xx, or none at all. */
  readonly retries: number;
  /** No retry begins later than this after the call, in ms. */
  readonly forMs?: number;
  readonly backoff: Backoff;
}

const BACKOFF: Backoff = { baseMs: 200, capMs: 5_000 };
/** For an outage of about ten minutes. */
const STUBBORN: CallPolicy = { timeoutMs: 30_000, retries: 240, forMs: 600_000, backoff: BACKOFF };
/** For an outage of about a minute. */
const PATIENT: CallPolicy = { timeoutMs: 30_000, retries: 28, forMs: 60_000, backoff: BACKOFF };
const QUICK: CallPolicy = { timeoutMs: 5_000, retries: 1, backoff: { baseMs: 100, capMs: 500 } };

/**
 * The policy of each call of the queue that a worker makes. All retrying is done here, by these numbers, in the open. When the queue
 * answers another call after an outage, a retry is made at once (outage.ts). After a 429 or a 503 the waits are longer (calls.ts).
 *
 * - `claimWork` is not retried: what an unanswered call has claimed would be lost a second time. The queue answers after
 *   20 s at the latest.
 * - `reclaimTask` is retried by the reclaim operator, until the claim has expired.
 * - The result of a run outlives an outage: artifacts and reports are retried for as long as a deployment may be away.
 *   If the claim is lost meanwhile, the queue says so (409). A worker that has to go ends these calls itself.
 * - Questions give up soon: their answers get old, and a timer asks again.
 */
export const CALL_POLICIES = {
  claimWork: { ...PATIENT, timeoutMs: 60_000, retries: 0 },
  reclaimTask: { ...PATIENT, retries: 0 },
  reportCompleted: STUBBORN,
  reportFailed: STUBBORN,
  reportException: STUBBORN,
  createArtifact: STUBBORN,
  createTask: PATIENT,
  status: QUICK,
  pendingTasks: QUICK,
  getWorker: QUICK,
} satisfies Record<string, CallPolicy>;

export type QueueCall = keyof typeof CALL_POLICIES;

/** An artifact in the object service is as much the result of a run as one in S3. */
const UPLOADS: ReadonlySet<string> = new Set([
  'object.createUpload',
  'object.finishUpload',
  'queue.finishArtifact',
]);

/**
 * Whoever registers a worker tries again by itself: it has days for it, and an answer that was lost changes what it has to do
 * next.
 */
const ONCE: ReadonlySet<string> = new Set(['workerManager.registerWorker', 'workerManager.reregisterWorker']);

/** A call that is not in the table is part of a run, which waits for a minute of an outage. */
export function policyOf(
  service: ServiceName,
  name: string,
  chosen: Readonly<Partial<Record<string, CallPolicy>>> = {},
): CallPolicy {
  if (UPLOADS.has(`${service}.${name}`)) return STUBBORN;
  if (ONCE.has(`${service}.${name}`)) return { ...PATIENT, retries: 0 };
  if (service !== 'queue') return PATIENT;
  const policies: Readonly<Partial<Record<string, CallPolicy>>> = { ...CALL_POLICIES, ...chosen };
  return policies[name] ?? PATIENT;
}
