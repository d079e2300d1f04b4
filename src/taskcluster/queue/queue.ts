import type { Observable } from 'rxjs';
import { queueCalls, serviceCalls, type CallArguments, type CallOptions } from '../calls/calls.ts';
import { queueClock, type QueueClock } from './clock.ts';
import { readableClaims } from './readable-claims.ts';
import { leaseFrom, parseTime, type Claim, type Lease } from './claim.ts';
import type { Credentials } from '../credentials/credentials.ts';
import { ServiceError } from '../../base/index.ts';
import { outage } from '../calls/outage.ts';
import type {
  PostArtifactRequest,
  PostArtifactResponse,
  QueueApi,
  TaskExceptionRequest,
  TaskStatusStructure,
} from '../generated/api.ts';
import type { AnyCall, CallOf, ServiceName } from '../calls/services.ts';

/** Identifies a worker and the task queue that it claims work from. */
export interface WorkerIdentity {
  /** `<provisionerId>/<workerType>`. Elsewhere in Taskcluster this is the worker pool ID. */
  readonly taskQueueId: string;
  readonly workerGroup: string;
  readonly workerId: string;
}

export interface QueueOptions extends CallOptions, WorkerIdentity {
  /**
   * The worker's own credentials. Pass a function if they are replaced while the worker runs. Calls about a run use the
   * credentials of its claim instead.
   */
  readonly credentials: Credentials | (() => Credentials);
  /** Called for a claim that could not be parsed. Its run stays claimed until the claim expires. */
  readonly onUnreadable?: (problem: string) => void;
  /**
   * Called when the queue rejects these credentials and has never accepted them. Waiting does not help in this case.
   */
  readonly onRefused?: (error: ServiceError) => void;
}

/** The queue's calls that a worker uses. A failed call rejects with a {@link ServiceError}. */
export interface Queue {
  /** The queue's clock as estimated from its answers, in ms since the epoch. */
  now(): number;
  /**
   * Claims up to `tasks` tasks (1 to 32). The queue answers as soon as it has some, or with none after 20 s. Never
   * retried.
   */
  claimWork(tasks: number): Promise<Claim[]>;
  /** The number of pending tasks in this pool, or undefined if these credentials may not read it (403). */
  pendingTasks(signal?: AbortSignal): Promise<number | undefined>;
  /** A task's status, or undefined if these credentials may not read it (403). */
  status(taskId: string, signal?: AbortSignal): Promise<TaskStatusStructure | undefined>;
  /** Emits when the queue answers again after a failed call. A caller that waits to retry may retry now. */
  readonly back$?: Observable<unknown>;
  /** When this worker's quarantine ends, in ms since the epoch. 0: not quarantined. Undefined: not permitted (403). */
  quarantinedUntil(): Promise<number | undefined>;
  /** Calls about one run, made with the credentials of its claim. */
  forRun(claim: Claim): RunCalls;
  /** Makes any call to any service with the worker's credentials. */
  service(signal?: AbortSignal): ServiceCall;
}

/** Makes one call to one service. @throws ServiceError */
export type ServiceCall = <S extends ServiceName, C extends CallOf<S>>(
  service: S,
  name: C,
  ...args: CallArguments<S, C>
) => Promise<AnyCall<S, C>['output']>;

/** Calls about one run. */
export interface RunCalls {
  /** The current credentials, from the claim or from its last renewal. */
  readonly credentials: Credentials;
  /** Renews the claim with one attempt. All later calls here use the renewed credentials as a whole. */
  reclaim(): Promise<Lease>;
  /** @param signal aborts the call at once, including its retries and waits */
  reportCompleted(signal?: AbortSignal): Promise<void>;
  reportFailed(signal?: AbortSignal): Promise<void>;
  reportException(reason: TaskExceptionRequest['reason'], signal?: AbortSignal): Promise<void>;
  createArtifact(
    name: string,
    request: PostArtifactRequest,
    signal?: AbortSignal,
  ): Promise<PostArtifactResponse>;
  /** Tells the queue that the upload of an artifact to the object service is complete. */
  finishArtifact(name: string, uploadId: string, signal?: AbortSignal): Promise<void>;
  /** Makes any call to any service with the run's current credentials. */
  service(signal?: AbortSignal): ServiceCall;
  /** Makes any call to any service with the given credentials. */
  serviceAs(credentials: Credentials, signal?: AbortSignal): ServiceCall;
}

export function connectQueue(given: QueueOptions): Queue {
  // The root URL is normalized for all calls: it has no trailing slash.
  const options = { outage: outage(), ...given, rootUrl: new URL(given.rootUrl).origin };
  const { taskQueueId, workerGroup, workerId } = options;
  const callUntil = (signal?: AbortSignal) => queueCalls({ ...options, signal });
  const serviceAs =
    (credentials: Credentials | (() => Credentials)) =>
    (signal?: AbortSignal): ServiceCall =>
    (service, name, ...args) =>
      serviceCalls({ ...options, signal })(credentials, service, name, ...args);
  const call = ownCalls(options);
  const clock = queueClock();
  return {
    now: () => clock.now(),
    claimWork: async tasks => {
      const askedAt = performance.now();
      const answer = await call()('claimWork', taskQueueId, { workerGroup, workerId, tasks });
      return timed(readableClaims(answer, tasks, options.onUnreadable), askedAt, clock);
    },
    pendingTasks: signal =>
      unlessForbidden(async () => (await call(signal)('pendingTasks', taskQueueId)).pendingTasks),
    status: (taskId, signal) => unlessForbidden(async () => (await call(signal)('status', taskId)).status),
    back$: options.outage.back$,
    service: serviceAs(options.credentials),
    quarantinedUntil: () =>
      unlessForbidden(async () => {
        const [provisionerId = '', workerType = ''] = taskQueueId.split('/');
        const worker = call()('getWorker', provisionerId, workerType, workerGroup, workerId);
        const { quarantineUntil } = await worker.catch(ifUnknown);
        return quarantineUntil === undefined ? 0 : parseTime(quarantineUntil);
      }),
    forRun: ({ taskId, runId, lease, startedMs }) => {
      const claimMs = lease.takenUntilMs - startedMs;
      let current = lease;
      let asked = 0;
      let currentAsked = 0;
      const present = () => current.credentials;
      return {
        get credentials() {
          return current.credentials;
        },
        reclaim: async () => {
          const number = ++asked;
          const askedAt = performance.now();
          const renewed = leaseFrom(await callUntil()(present, 'reclaimTask', taskId, runId));
          // A renewal lasts as long as the original claim, from the moment when the queue grants it.
          const queueMs = renewed.takenUntilMs - claimMs;
          clock.see({ queueMs, askedAt, answeredAt: performance.now() });
          // Of two concurrent reclaims, the older may be answered last. Expiry times cannot tell them apart, because a
          // newer lease may expire sooner.
          if (number > currentAsked) {
            current = renewed;
            currentAsked = number;
          }
          return renewed;
        },
        reportCompleted: async signal =>
          void (await callUntil(signal)(present, 'reportCompleted', taskId, runId)),
        reportFailed: async signal => void (await callUntil(signal)(present, 'reportFailed', taskId, runId)),
        reportException: async (reason, signal) =>
          void (await callUntil(signal)(present, 'reportException', taskId, runId, { reason })),
        createArtifact: (name, request, signal) =>
          callUntil(signal)(present, 'createArtifact', taskId, runId, name, request),
        finishArtifact: async (name, uploadId, signal) => {
          await callUntil(signal)(present, 'finishArtifact', taskId, runId, name, { uploadId });
        },
        service: serviceAs(present),
        serviceAs: (credentials, signal) => serviceAs(credentials)(signal),
      };
    },
  };
}

/** Calls that a worker makes with its own credentials. */
function ownCalls(options: QueueOptions) {
  const { credentials, onRefused } = options;
  let accepted = false;
  return (signal?: AbortSignal) =>
    async <C extends CallOf<'queue'>>(
      name: C,
      ...args: CallArguments<'queue', C>
    ): Promise<QueueApi[C]['output']> => {
      try {
        const answer = await queueCalls({ ...options, signal })(credentials, name, ...args);
        accepted = true;
        return answer;
      } catch (error) {
        if (error instanceof ServiceError && error.statusCode !== undefined && !error.transient) {
          if (error.isUnauthenticated && !accepted) onRefused?.(error);
          if (error.statusCode !== 401) accepted = true;
        }
        throw error;
      }
    };
}

/** The queue does not know a worker before its first claim, and forgets it after a while. */
function ifUnknown(error: unknown): { quarantineUntil?: string } {
  if (error instanceof ServiceError && error.statusCode === 404) return {};
  throw error;
}

/** Adds to each claim when it was made. That moment lies within the call, which may have waited for a long time. */
function timed(claims: Claim[], askedAt: number, clock: QueueClock): Claim[] {
  const answeredAt = performance.now();
  for (const { startedMs } of claims) clock.see({ queueMs: startedMs, askedAt, answeredAt });
  return claims.map(claim => {
    const madeAt = Math.min(Math.max(clock.at(claim.startedMs), askedAt), answeredAt);
    return { ...claim, madeAt, askedAt };
  });
}

/** Returns undefined for a 403. Some deployments do not grant workers the scope for such a query. */
async function unlessForbidden<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ServiceError && error.statusCode === 403) return undefined;
    throw error;
  }
}
