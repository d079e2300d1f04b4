import { firstValueFrom, fromEvent, map, merge, NEVER, takeUntil, timer } from 'rxjs';
import { fullJitter } from '../pulse/index.ts';
import type { Credentials } from './credentials.ts';
import { answerOf, queueError, type QueueError } from './errors.ts';
import { queueApi, type QueueApi } from './generated/api.ts';
import { outage as newOutage, type Outage } from './outage.ts';
import { CALL_POLICIES, type CallPolicy, type QueueCall } from './policies.ts';
import { request } from './request.ts';

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
  const { method, route, args: parameters, input } = queueApi[name];
  const root = new URL(rootUrl);
  const answer = await request({
    method: method.toUpperCase(),
    origin: root,
    path: `${root.pathname.replace(/\/$/, '')}/api/queue/v1${fillIn(route, parameters, args)}`,
    credentials,
    ...(input !== undefined && { body: args[parameters.length] }),
    timeoutMs,
    largestAnswerBytes: LARGEST_ANSWER_BYTES * tasksAskedFor(name, args),
  });
  return answerOf(name, answer);
}

/** The queue takes no task that is larger than 10 MiB, and tells it with line breaks and spaces of its own. */
const LARGEST_ANSWER_BYTES = 16 * 1024 * 1024;

function tasksAskedFor(name: QueueCall, args: readonly unknown[]): number {
  return name === 'claimWork' ? (args[1] as CallArguments<'claimWork'>[1]).tasks : 1;
}

function fillIn(route: string, parameters: readonly string[], args: readonly unknown[]): string {
  return route.replaceAll(/<([^<>]+)>/g, (_, parameter: string) =>
    encode(String(args[parameters.indexOf(parameter)])),
  );
}

/** A part of a path in which a URL reader finds nothing to change, so that what is signed is what is sent. */
function encode(part: string): string {
  return encodeURIComponent(part).replaceAll(
    /[!'()*]/g,
    byte => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`,
  );
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
