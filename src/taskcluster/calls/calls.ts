import { firstValueFrom, fromEvent, map, merge, NEVER, takeUntil, timer } from 'rxjs';
import { fullJitter, unlessAborted, type Backoff, type ServiceError } from '../../base/index.ts';
import type { Credentials } from '../credentials/credentials.ts';
import { answerOf, serviceError } from './errors.ts';
import { outage as newOutage, type Outage } from './outage.ts';
import { policyOf, type CallPolicy, type QueueCall } from './policies.ts';
import { request } from './request.ts';
import { callOf, pathOf, type AnyCall, type CallOf, type ServiceName } from './services.ts';

/** The arguments of a call: those of the route, then the body if there is one, then query parameters if it has any. */
export type CallArguments<S extends ServiceName, C extends CallOf<S>> = [
  ...AnyCall<S, C>['args'],
  ...(AnyCall<S, C>['input'] extends undefined ? [] : [AnyCall<S, C>['input']]),
  ...([AnyCall<S, C>['query']] extends [never] ? [] : [query?: Query<AnyCall<S, C>['query'] & string>]),
];

type Query<Name extends string> = Readonly<Partial<Record<Name, string | number>>>;

export interface CallOptions {
  readonly rootUrl: string;
  /** Policies for calls to the queue that replace those in {@link CALL_POLICIES}. */
  readonly policies?: Readonly<Partial<Record<QueueCall, CallPolicy>>>;
  /** Called before each retry. */
  readonly onRetry?: (error: ServiceError, waitMs: number) => void;
  /**
   * Rejects a call immediately with the signal's reason. A request that was already sent still reaches the service, but
   * its answer is ignored.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Shared by the calls of one client. The first call that is answered after an outage wakes those that wait to retry.
   */
  readonly outage?: Outage;
}

/**
 * Makes one call to one service with `credentials`, following that call's policy.
 *
 * Pass a function for credentials that change, such as a run's, which change with each reclaim. Each attempt then uses
 * the current credentials. An attempt that was refused is repeated if the credentials were replaced in the meantime.
 * Without credentials the call is not signed, and the service treats it as anonymous.
 *
 * @throws ServiceError when the last attempt failed, or the signal's reason
 */
export type Call = <S extends ServiceName, C extends CallOf<S>>(
  credentials: Credentials | (() => Credentials) | undefined,
  service: S,
  name: C,
  ...args: CallArguments<S, C>
) => Promise<AnyCall<S, C>['output']>;

/** Creates the function that calls all services of one deployment. */
export function serviceCalls({
  rootUrl,
  policies,
  onRetry,
  signal,
  outage = newOutage(),
}: CallOptions): Call {
  return async (credentials, service, name, ...args) => {
    const policy = policyOf(service, name as string, policies);
    const present = typeof credentials === 'function' ? credentials : () => credentials;
    const lastTryAt = performance.now() + (policy.forMs ?? Infinity);
    let mayWake = true;
    for (let attempt = 1; ; attempt++) {
      const used = present();
      try {
        signal?.throwIfAborted();
        const trying = once(rootUrl, used, tryMs(policy, attempt), { service, name: name as string, args });
        const answer = await unlessAborted(trying, signal);
        outage.answered();
        return answer;
      } catch (cause) {
        signal?.throwIfAborted();
        const error = serviceError(name as string, cause);
        if (error.transient) outage.failed();
        else if (error.statusCode !== undefined) outage.answered();
        if (error.kind === 'forbidden' && present() !== used) continue;
        const isLast = attempt > policy.retries || performance.now() >= lastTryAt;
        if (!error.transient || isLast) throw error;
        const waitMs = fullJitter(attempt, backoffAfter(error, policy));
        onRetry?.(error, waitMs);
        // If a call fails again after it was woken, its problem is not the outage. It then keeps to its backoff.
        if (await pause(waitMs, mayWake ? outage : undefined, signal)) mayWake = false;
      }
    }
  };
}

/** Multiplies the backoff for a service that reports overload. */
const BUSY_FACTOR = 5;

/**
 * A whole fleet may call at the same moment. If the service refuses that load, the fleet must not retry within
 * milliseconds.
 */
function backoffAfter({ statusCode }: ServiceError, { backoff }: CallPolicy): Backoff {
  const isBusy = statusCode === 429 || statusCode === 503;
  return isBusy ? { ...backoff, baseMs: backoff.baseMs * BUSY_FACTOR } : backoff;
}

/** Makes one call to the queue, as {@link Call} does to any service. */
export type CallOfQueue = <C extends CallOf<'queue'>>(
  credentials: Credentials | (() => Credentials) | undefined,
  name: C,
  ...args: CallArguments<'queue', C>
) => Promise<AnyCall<'queue', C>['output']>;

/** Creates the function that calls the queue of one deployment. */
export function queueCalls(options: CallOptions): CallOfQueue {
  const call = serviceCalls(options);
  return (credentials, name, ...args) => call(credentials, 'queue', name, ...args);
}

/** The first attempts time out early, so that a hanging connection does not use up a caller's limited time. */
const FIRST_TRY_MS = 2_500;

function tryMs({ timeoutMs, retries }: CallPolicy, attempt: number): number {
  return retries === 0 ? timeoutMs : Math.min(timeoutMs, FIRST_TRY_MS * 2 ** (attempt - 1));
}

/** Waits. Returns whether the wait ended early because the queue answers again. The signal ends the wait too. */
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

interface Called {
  readonly service: ServiceName;
  readonly name: string;
  readonly args: readonly unknown[];
}

async function once(
  rootUrl: string,
  credentials: Credentials | undefined,
  timeoutMs: number,
  { service, name, args }: Called,
): Promise<unknown> {
  const { method, route, args: parameters, query, input, output } = callOf(service, name);
  const root = new URL(rootUrl);
  const rest = args.slice(parameters.length);
  const body = input === undefined ? undefined : rest.shift();
  const path = `${root.pathname.replace(/\/$/, '')}/api/${pathOf(service)}/v1${fillIn(route, parameters, args)}`;
  const answer = await request({
    method: method.toUpperCase(),
    origin: root,
    path: query.length === 0 ? path : path + queryOf(rest[0]),
    credentials,
    ...(input !== undefined && { body }),
    timeoutMs,
    largestAnswerBytes: LARGEST_ANSWER_BYTES * tasksAskedFor(name, args),
  });
  return answerOf(name, answer, output !== undefined);
}

/** The queue accepts tasks of up to 10 MiB and adds line breaks and spaces when it sends them. */
const LARGEST_ANSWER_BYTES = 16 * 1024 * 1024;

function tasksAskedFor(name: string, args: readonly unknown[]): number {
  return name === 'claimWork' ? (args[1] as CallArguments<'queue', 'claimWork'>[1]).tasks : 1;
}

function queryOf(parameters: unknown): string {
  const given = Object.entries((parameters ?? {}) as Readonly<Record<string, string | number | undefined>>);
  const words = given.flatMap(([name, value]) =>
    value === undefined ? [] : [`${encode(name)}=${encode(String(value))}`],
  );
  return words.length === 0 ? '' : `?${words.join('&')}`;
}

function fillIn(route: string, parameters: readonly string[], args: readonly unknown[]): string {
  return route.replaceAll(/<([^<>]+)>/g, (_, parameter: string) =>
    encode(String(args[parameters.indexOf(parameter)])),
  );
}

/**
 * Encodes part of a path such that no URL parser changes it. The path that is sent is then the path that was signed.
 */
function encode(part: string): string {
  return encodeURIComponent(part).replaceAll(
    /[!'()*]/g,
    byte => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
