import { taskCredentials, type Credentials } from './credentials.ts';
import type { TaskClaim, TaskDefinition, TaskReclaimResponse, TaskStatusStructure } from './generated/api.ts';

/** One run that is ours for a while, with its times parsed. */
export interface Claim {
  readonly taskId: string;
  readonly runId: number;
  readonly workerGroup: string;
  readonly workerId: string;
  readonly task: TaskDefinition;
  readonly status: TaskStatusStructure;
  /** When the task must be resolved, in ms since the epoch, by the queue's clock. */
  readonly deadlineMs: number;
  /** When this claim was made, in ms since the epoch, by the queue's clock. */
  readonly startedMs: number;
  /** The same moment on this machine's monotonic clock (`performance.now()`); when it came to us, where that is not known. */
  readonly madeAt?: number;
  /** When the call began that it is an answer to (`performance.now()`). */
  readonly askedAt?: number;
  readonly lease: Lease;
}

/** What a claim and each reclaim bring: a time, and the credentials that go with it. */
export interface Lease {
  /** Until when the run is ours, in ms since the epoch, by the queue's clock. */
  readonly takenUntilMs: number;
  readonly credentials: Credentials;
}

/**
 * Reads a claim where it enters.
 *
 * @param receivedMs this machine's clock at the answer, used only where the queue does not tell when the run began
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
 * Reads one of the queue's times, in either of its spellings (`…51.334+00:00`, `…51.334Z`).
 *
 * @returns ms since the epoch
 */
export function parseTime(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new TypeError(`the queue sent ${JSON.stringify(text)} for a time`);
  return ms;
}
