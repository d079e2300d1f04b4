import http from 'node:http';
import https from 'node:https';
import { firstValueFrom, fromEvent, map, merge, NEVER, takeUntil, timer } from 'rxjs';
import taskcluster from 'taskcluster-client';
import { fullJitter } from '../pulse/index.ts';
import type { Credentials } from './credentials.ts';
import { noAnswer, queueError, type QueueError } from './errors.ts';
import type { QueueApi } from './generated/api.ts';
import { outage as newOutage, type Outage } from './outage.ts';
import { CALL_POLICIES, type CallPolicy, type QueueCall } from './policies.ts';

/** What a call takes: the route's arguments, then the body where it has one. */
export type CallArguments<C extends QueueCall> = QueueApi[C]['input'] extends undefined
  ? QueueApi[C]['args']
  : [...QueueApi[C]['args'], QueueApi[C]['input']];

export interface CallOptions {
  readonly rootUrl: string;
  /** Other policies than {@link CALL_POLICIES}. */
  readonly policies?: Partial<Record<QueueCall, CallPolicy>>;
  /** Told of each further try. */
  readonly onRetry?: (error: QueueError, waitMs: number) => void;
  /** Ends a call at once, with the signal's reason. What is on its way to the queue still arrives, unheard. */
  readonly signal?: AbortSignal | undefined;
  /** Shared by the calls of one client: the first that is answered after an outage wakes those that wait for a retry. */
  readonly outage?: Outage;
}

/**
 * Makes one call of the queue as `credentials`, by its policy.
 *
 * Credentials that change, as a run's do with each reclaim, are given as a function: each try is made with the present
 * ones, and one that was refused for those that were replaced meanwhile is made again.
 *
 * @throws QueueError when the last try failed, or the reason of the signal
 */
export type Call = <C extends QueueCall>(
  credentials: Credentials | (() => Credentials),
  name: C,
  ...args: CallArguments<C>
) => Promise<QueueApi[C]['output']>;

export function queueCalls({ rootUrl, policies, onRetry, signal, outage = newOutage() }: CallOptions): Call {
  keepConnections();
  return async (credentials, name, ...args) => {
    const policy: CallPolicy = policies?.[name] ?? CALL_POLICIES[name];
    const present = typeof credentials === 'function' ? credentials : () => credentials;
    const lastTryAt = performance.now() + (policy.forMs ?? Infinity);
    let mayWake = true;
    for (let attempt = 1; ; attempt++) {
      const used = present();
      try {
        signal?.throwIfAborted();
        const trying = once(rootUrl, used, tryMs(policy, attempt), name, args);
        const answer = await unlessAborted(trying, signal);
        outage.answered();
        return answer as QueueApi[typeof name]['output'];
      } catch (cause) {
        signal?.throwIfAborted();
        const error = queueError(name, cause);
        if (error.transient) outage.failed();
        else if (error.statusCode !== undefined) outage.answered();
        if (error.kind === 'forbidden' && present() !== used) continue;
        const isLast = attempt > policy.retries || performance.now() >= lastTryAt;
        if (!error.transient || isLast) throw error;
        const waitMs = fullJitter(attempt, policy.backoff);
        onRetry?.(error, waitMs);
        // A call that was woken in vain has a trouble of its own, and keeps to its backoff.
        if (await pause(waitMs, mayWake ? outage : undefined, signal)) mayWake = false;
      }
    }
  };
}

/** The first tries are short: a connection that hangs must not use up the time of a caller who has little. */
const FIRST_TRY_MS = 2_500;

function tryMs({ timeoutMs, retries }: CallPolicy, attempt: number): number {
  return retries === 0 ? timeoutMs : Math.min(timeoutMs, FIRST_TRY_MS * 2 ** (attempt - 1));
}

/** Returns whether the pause ended early because the queue answers again. A signal ends it, too. */
function pause(
  waitMs: number,
  outage: Outage | undefined,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const over$ = timer(waitMs).pipe(map(() => false));
  const back$ = (outage?.back$ ?? NEVER).pipe(map(() => true));
  const aborted$ = signal ? fromEvent(signal, 'abort') : NEVER;
  return firstValueFrom(merge(over$, back$).pipe(takeUntil(aborted$)), { defaultValue: false });
}

async function once(
  rootUrl: string,
  credentials: Credentials,
  timeoutMs: number,
  name: QueueCall,
  args: readonly unknown[],
): Promise<unknown> {
  // taskcluster-client retries by itself whatever got no answer; `retries: 0` leaves that to the policy.
  const client = new taskcluster.Queue({
    rootUrl,
    credentials: plain(credentials),
    timeout: timeoutMs,
    retries: 0,
  });
  const answer = await client[name]?.(...args);
  if (answer === undefined) throw noAnswer(name);
  return answer;
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const stop = () => {
    reject(signal.reason as Error);
  };
  signal.addEventListener('abort', stop, { once: true });
  work.then(resolve, reject).finally(() => {
    signal.removeEventListener('abort', stop);
  });
  return promise;
}

function plain({ clientId, accessToken, certificate }: Credentials) {
  return {
    clientId,
    accessToken: accessToken.reveal(),
    ...(certificate && { certificate: certificate.reveal() }),
  };
}

let kept = false;

/** taskcluster-client opens a connection for each request, unless its shared agents are replaced. */
function keepConnections(): void {
  if (kept) return;
  kept = true;
  // A server may close an idle connection just as we send; 4 s is under what servers commonly allow.
  // As many as there are calls, which a worker's slots bound: a reclaim must not wait behind uploads that are stuck.
  const options = { keepAlive: true, maxSockets: Infinity, timeout: 4_000 };
  taskcluster.agents.http = new http.Agent(options);
  taskcluster.agents.https = new https.Agent(options);
}
