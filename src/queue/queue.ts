import { validator } from '../exchanges/index.ts';
import { queueCalls, type CallOptions } from './calls.ts';
import { queueClock, type QueueClock } from './clock.ts';
import { claimFrom, leaseFrom, parseTime, type Claim, type Lease } from './claim.ts';
import type { Credentials } from './credentials.ts';
import { QueueError } from './errors.ts';
import type {
  ClaimWorkResponse,
  PostArtifactRequest,
  PostArtifactResponse,
  TaskExceptionRequest,
  TaskStatusStructure,
} from './generated/api.ts';

/** Who asks for work, and where. */
export interface WorkerIdentity {
  /** `<provisionerId>/<workerType>`: what the rest of Taskcluster calls a worker pool. */
  readonly taskQueueId: string;
  readonly workerGroup: string;
  readonly workerId: string;
}

export interface QueueOptions extends CallOptions, WorkerIdentity {
  /** The worker's own. Each run is spoken for with those of its claim. */
  readonly credentials: Credentials;
  /** Told of a claim that could not be read: it hangs until it expires. */
  readonly onUnreadable?: (problem: string) => void;
}

/** The queue, as a worker speaks to it. Each call fails with a {@link QueueError}. */
export interface Queue {
  /** The queue's clock, in ms since the epoch, as far as its answers tell. */
  now(): number;
  /** Asks for up to `tasks` claims, 1 to 32: an answer at once, or an empty one after 20 s. Never tried again. */
  claimWork(tasks: number): Promise<Claim[]>;
  /** How many tasks wait for this pool, or undefined where these credentials may not know. */
  pendingTasks(): Promise<number | undefined>;
  /** A task's status, or undefined where these credentials may not know it. */
  status(taskId: string): Promise<TaskStatusStructure | undefined>;
  /** When this worker's quarantine ends, in ms since the epoch, 0 without one; undefined where it may not know. */
  quarantinedUntil(): Promise<number | undefined>;
  /** The calls about one run, made with its claim's credentials. */
  forRun(claim: Claim): RunCalls;
}

/** The calls about one run. */
export interface RunCalls {
  /** The present ones: those of the claim, or of its last renewal. */
  readonly credentials: Credentials;
  /** Renews the claim, once. From then on its new credentials are used, as a whole, for every call here. */
  reclaim(): Promise<Lease>;
  /** @param signal ends a call at once, tries and waits included */
  reportCompleted(signal?: AbortSignal): Promise<void>;
  reportFailed(signal?: AbortSignal): Promise<void>;
  reportException(reason: TaskExceptionRequest['reason'], signal?: AbortSignal): Promise<void>;
  createArtifact(
    name: string,
    request: PostArtifactRequest,
    signal?: AbortSignal,
  ): Promise<PostArtifactResponse>;
}

export function connectQueue(given: QueueOptions): Queue {
  // One spelling of the root URL, whoever calls: without a slash at its end.
  const options = { ...given, rootUrl: new URL(given.rootUrl).origin };
  const { credentials, taskQueueId, workerGroup, workerId } = options;
  const call = queueCalls(options);
  const clock = queueClock();
  return {
    now: () => clock.now(),
    claimWork: async tasks => {
      const askedAt = performance.now();
      const answer = await call(credentials, 'claimWork', taskQueueId, { workerGroup, workerId, tasks });
      return timed(readableClaims(answer, options.onUnreadable), askedAt, clock);
    },
    pendingTasks: () =>
      unlessForbidden(async () => (await call(credentials, 'pendingTasks', taskQueueId)).pendingTasks),
    status: taskId => unlessForbidden(async () => (await call(credentials, 'status', taskId)).status),
    quarantinedUntil: () =>
      unlessForbidden(async () => {
        const [provisionerId = '', workerType = ''] = taskQueueId.split('/');
        const worker = call(credentials, 'getWorker', provisionerId, workerType, workerGroup, workerId);
        const { quarantineUntil } = await worker.catch(ifUnknown);
        return quarantineUntil === undefined ? 0 : parseTime(quarantineUntil);
      }),
    forRun: ({ taskId, runId, lease, startedMs }) => {
      const claimMs = lease.takenUntilMs - startedMs;
      let current = lease;
      const present = () => current.credentials;
      const callUntil = (signal?: AbortSignal) => queueCalls({ ...options, signal });
      return {
        get credentials() {
          return current.credentials;
        },
        reclaim: async () => {
          const askedAt = performance.now();
          current = leaseFrom(await call(present, 'reclaimTask', taskId, runId));
          // A renewal is as long as the claim was, from the moment that it is given.
          const queueMs = current.takenUntilMs - claimMs;
          clock.see({ queueMs, askedAt, answeredAt: performance.now() });
          return current;
        },
        reportCompleted: async signal =>
          void (await callUntil(signal)(present, 'reportCompleted', taskId, runId)),
        reportFailed: async signal => void (await callUntil(signal)(present, 'reportFailed', taskId, runId)),
        reportException: async (reason, signal) =>
          void (await callUntil(signal)(present, 'reportException', taskId, runId, { reason })),
        createArtifact: (name, request, signal) =>
          callUntil(signal)(present, 'createArtifact', taskId, runId, name, request),
      };
    },
  };
}

/** The queue knows a worker from its first claim on, and forgets it after a while. */
function ifUnknown(error: unknown): { quarantineUntil?: string } {
  if (error instanceof QueueError && error.statusCode === 404) return {};
  throw error;
}

const claimProblems = validator('taskcluster/queue/v1/claim-work-response.json', { acceptUnknown: true });

/** One odd claim must not cost the others that came with it. */
function readableClaims(answer: ClaimWorkResponse, onUnreadable?: (problem: string) => void): Claim[] {
  const receivedMs = Date.now();
  const problems = claimProblems(answer);
  for (const problem of problems) onUnreadable?.(`claimWork answered what it should not: ${problem}`);
  const isOdd = (index: number) => problems.some(problem => problem.startsWith(`/tasks/${index}/`));
  const claims = Array.isArray(answer.tasks) ? answer.tasks : [];
  return claims.flatMap((claim, index) => {
    if (isOdd(index)) return [];
    try {
      return [claimFrom(claim, receivedMs)];
    } catch (error) {
      // The schema lets through what is no time, such as a leap second.
      onUnreadable?.(`claimWork answered what it should not: ${(error as Error).message}`);
      return [];
    }
  });
}

/** Notes when the claims of an answer were made: at some moment of the call, which may have waited for long. */
function timed(claims: Claim[], askedAt: number, clock: QueueClock): Claim[] {
  const answeredAt = performance.now();
  for (const { startedMs } of claims) clock.see({ queueMs: startedMs, askedAt, answeredAt });
  return claims.map(claim => {
    const madeAt = Math.min(Math.max(clock.at(claim.startedMs), askedAt), answeredAt);
    return { ...claim, madeAt, askedAt };
  });
}

/** Some deployments do not give workers the scope for a question. To be told no is an answer too. */
async function unlessForbidden<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof QueueError && error.kind === 'forbidden') return undefined;
    throw error;
  }
}
