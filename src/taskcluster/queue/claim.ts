import { taskCredentials, type Credentials } from '../credentials/credentials.ts';
import type {
  TaskClaim,
  TaskDefinition,
  TaskReclaimResponse,
  TaskStatusStructure,
} from '../generated/api.ts';

/** One run that this worker has claimed, with its times parsed. */
export interface Claim {
  readonly taskId: string;
  readonly runId: number;
  readonly workerGroup: string;
  readonly workerId: string;
  readonly task: TaskDefinition;
  readonly status: TaskStatusStructure;
  /** When the task must be resolved, by the queue's clock, in ms since the epoch. */
  readonly deadlineMs: number;
  /** When this claim was made, by the queue's clock, in ms since the epoch. */
  readonly startedMs: number;
  /**
   * The same moment on this machine's monotonic clock (`performance.now()`). If unknown, the claim's arrival counts.
   */
  readonly madeAt?: number;
  /** When the `claimWork` call that returned this claim began (`performance.now()`). */
  readonly askedAt?: number;
  readonly lease: Lease;
}

/** The result of a claim or reclaim: an expiry time and credentials. */
export interface Lease {
  /** When the claim expires, by the queue's clock, in ms since the epoch. */
  readonly takenUntilMs: number;
  readonly credentials: Credentials;
}

/**
 * Parses a claim from the queue's answer.
 *
 * @param receivedMs this machine's clock when the answer arrived; used only if the queue does not say when the run
 * began
 */
export function claimFrom(answer: TaskClaim, receivedMs: number): Claim {
  const { status, runId, workerGroup, workerId, task } = answer;
  const started = status.runs[runId]?.started;
  return {
    taskId: status.taskId,
    runId,
    workerGroup,
    workerId,
    task,
    status,
    deadlineMs: parseTime(task.deadline),
    startedMs: started === undefined ? receivedMs : parseTime(started),
    lease: leaseFrom(answer),
  };
}

export function leaseFrom({ takenUntil, credentials }: TaskClaim | TaskReclaimResponse): Lease {
  return { takenUntilMs: parseTime(takenUntil), credentials: taskCredentials(credentials) };
}

/**
 * Parses a time from the queue, in either of its formats (`…51.334+00:00`, `…51.334Z`).
 *
 * @returns ms since the epoch
 */
export function parseTime(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new TypeError(`the queue sent ${JSON.stringify(text)} for a time`);
  return ms;
}
