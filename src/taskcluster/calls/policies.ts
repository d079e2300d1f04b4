import type { Backoff } from '../../base/index.ts';
import type { ServiceName } from './services.ts';

/** How long a call may take, and how often it is retried after a transient failure. */
export interface CallPolicy {
  /**
   * Timeout of one request, in ms. For a call with retries, the first request times out after 2.5 s at the latest. Each
   * further request may take twice as long as the one before, up to this limit.
   */
  readonly timeoutMs: number;
  /** Number of retries after an answer of 429 or 5xx, or after no answer. */
  readonly retries: number;
  /** Time after the start of the call from which no further retry is scheduled, in ms. */
  readonly forMs?: number;
  readonly backoff: Backoff;
}

const BACKOFF: Backoff = { baseMs: 200, capMs: 5_000 };
/** Survives an outage of about ten minutes. */
const PERSISTENT: CallPolicy = { timeoutMs: 30_000, retries: 240, forMs: 600_000, backoff: BACKOFF };
/** Survives an outage of about a minute. */
const PATIENT: CallPolicy = { timeoutMs: 30_000, retries: 28, forMs: 60_000, backoff: BACKOFF };
const QUICK: CallPolicy = { timeoutMs: 5_000, retries: 1, backoff: { baseMs: 100, capMs: 500 } };

/**
 * The policy of each call that a worker makes to the queue. These numbers control all retries. When the queue answers
 * another call after an outage, waiting calls retry almost at once (outage.ts). After a 429 or a 503 the waits are
 * longer (calls.ts).
 *
 * - `claimWork` is not retried. A call without an answer may have claimed tasks, which are lost; a retry could lose
 *   more. The queue answers after 20 s at the latest.
 * - `reclaimTask` is retried by the reclaim operator until the claim expires.
 * - The result of a run must survive an outage. Artifacts and reports are therefore retried for as long as a deployment
 *   may be unavailable. If the claim is lost in the meantime, the queue says so (409). A worker that shuts down aborts
 *   these calls itself.
 * - Queries such as `status` give up soon: their answers go stale, and a timer repeats them.
 */
export const CALL_POLICIES = {
  claimWork: { ...PATIENT, timeoutMs: 60_000, retries: 0 },
  reclaimTask: { ...PATIENT, retries: 0 },
  reportCompleted: PERSISTENT,
  reportFailed: PERSISTENT,
  reportException: PERSISTENT,
  createArtifact: PERSISTENT,
  createTask: PATIENT,
  status: QUICK,
  pendingTasks: QUICK,
  getWorker: QUICK,
} satisfies Record<string, CallPolicy>;

export type QueueCall = keyof typeof CALL_POLICIES;

/** An artifact in the object service is part of a run's result, like one in S3. */
const UPLOADS: ReadonlySet<string> = new Set([
  'object.createUpload',
  'object.finishUpload',
  'queue.finishArtifact',
]);

/**
 * The registration code does its own retries: it has days to do so, and after a lost answer its next step may be a
 * different one.
 */
const ONCE: ReadonlySet<string> = new Set(['workerManager.registerWorker', 'workerManager.reregisterWorker']);

/** Returns the policy of a call. A call that is not listed is part of a run and is retried for about a minute. */
export function policyOf(
  service: ServiceName,
  name: string,
  chosen: Readonly<Partial<Record<string, CallPolicy>>> = {},
): CallPolicy {
  if (UPLOADS.has(`${service}.${name}`)) return PERSISTENT;
  if (ONCE.has(`${service}.${name}`)) return { ...PATIENT, retries: 0 };
  if (service !== 'queue') return PATIENT;
  const policies: Readonly<Partial<Record<string, CallPolicy>>> = { ...CALL_POLICIES, ...chosen };
  return policies[name] ?? PATIENT;
}
