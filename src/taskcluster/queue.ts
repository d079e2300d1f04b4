import type { Observable } from 'rxjs';
import { queueCalls, serviceCalls, type CallArguments, type CallOptions } from './calls.ts';
import { queueClock, type QueueClock } from './clock.ts';
import { readableClaims } from './readable-claims.ts';
import { leaseFrom, parseTime, type Claim, type Lease } from './claim.ts';
import type { Credentials } from './credentials.ts';
import { ServiceError } from '../base/index.ts';
import { outage } from './outage.ts';
import type {
  PostArtifactRequest,
  PostArtifactResponse,
  QueueApi,
  TaskExceptionRequest,
  TaskStatusStructure,
} from './generated/api.ts';
import type { AnyCall, CallOf, ServiceName } from './services.ts';

/** Who asks for work, and where. */
export interface WorkerIdentity {
  /** `<provisionerId>/<workerType>`: what the rest of Taskcluster calls a worker pool. */
  readonly taskQueueId: string;
  readonly workerGroup: string;
  readonly workerId: string;
}

export interface QueueOptions extends CallOptions, WorkerIdentity {
  /**
   * The worker's own; as a function, where they are replaced while it lives. Each run is spoken for with those of its
   * claim.
   */
  readonly credentials: Credentials | (() => Credentials);
  /** Told of a claim that could not be read: it hangs until it expires. */
  readonly onUnreadable?: (problem: string) => void;
  /** Told when the queue refuses these credentials and has never accepted them: waiting does not mend that. */
  readonly onRefused?: (error: ServiceError) => void;
}

/** The queue, as a worker speaks to it. Each call fails with a {@link ServiceError}. */
export interface Queue {
  /** The queue's clock, in ms since the epoch, as far as its answers tell. */
  now(): number;
  /** Asks for up to `tasks` claims, 1 to 32: an answer at once, or an empty one after 20 s. Never tried again. */
  claimWork(tasks: number): Promise<Claim[]>;
  /** How many tasks are pending for this pool, or undefined if these credentials may not know (403). */
  pendingTasks(signal?: AbortSignal): Promise<number | undefined>;
  /** A task's status, or undefined if these credentials may not know it (403). */
  status(taskId: string, signal?: AbortSignal): Promise<TaskStatusStructure | undefined>;
  /** Emits when the queue answers again after a failed call: whoever waits for a retry may try now. */
  readonly back$?: Observable<unknown>;
  /** When this worker's quarantine ends, in ms since the epoch, 0 without one; undefined where it may not know. */
  quarantinedUntil(): Promise<number | undefined>;
  /** The calls about one run, made with its claim's credentials. */
  forRun(claim: Claim): RunCalls;
  /** Any call of any service, made with the worker's credentials. */
  service(signal?: AbortSignal): ServiceCall;
}

/** Makes one call of one service. @throws ServiceError */
export type ServiceCall = <S extends ServiceName, C extends CallOf<S>>(
  service: S,
  name: C,
  ...args: CallArguments<S, C>
) => Promise<AnyCall<S, C>['output']>;

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
  /** Tells the queue that the upload of an artifact to the object service is complete. */
  finishArtifact(name: string, uploadId: string, signal?: AbortSignal): Promise<void>;
  /** Any call of any service, made with the run's present credentials. */
  service(signal?: AbortSignal): ServiceCall;
  /** Any call of any service, made with credentials that were given for it alone. */
  serviceAs(credentials: Credentials, signal?: AbortSignal): ServiceCall;
}

export function connectQueue(given: QueueOptions): Queue {
  // One spelling of the root URL, whoever calls: without a slash at its end.
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
          // A renewal is as long as the claim was, from the moment that it is given.
          const queueMs = renewed.takenUntilMs - claimMs;
          clock.see({ queueMs, askedAt, answeredAt: performance.now() });
          // Of two that were under way at once, the older may be answered last. A newer lease may end sooner.
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

/** The calls that a worker makes as itself. */
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

/** The queue knows a worker from its first claim on, and forgets it after a while. */
function ifUnknown(error: unknown): { quarantineUntil?: string } {
  if (error instanceof ServiceError && error.statusCode === 404) return {};
  throw error;
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
    if (error instanceof ServiceError && error.statusCode === 403) return undefined;
    throw error;
  }
}
