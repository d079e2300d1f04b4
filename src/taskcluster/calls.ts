import { firstValueFrom, fromEvent, map, merge, NEVER, takeUntil, timer } from 'rxjs';
import { fullJitter, unlessAborted, type Backoff, type ServiceError } from '../base/index.ts';
import type { Credentials } from './credentials.ts';
import { answerOf, serviceError } from './errors.ts';
import { outage as newOutage, type Outage } from './outage.ts';
import { policyOf, type CallPolicy, type QueueCall } from './policies.ts';
import { request } from './request.ts';
import { callOf, pathOf, type AnyCall, type CallOf, type ServiceName } from './services.ts';

/** What a call takes: the route's arguments, then the body where it has one, then parameters of the query where it knows some. */
export type CallArguments<S extends ServiceName, C extends CallOf<S>> = [
  ...AnyCall<S, C>['args'],
  ...(AnyCall<S, C>['input'] extends undefined ? [] : [AnyCall<S, C>['input']]),
  ...([AnyCall<S, C>['query']] extends [never] ? [] : [query?: Query<AnyCall<S, C>['query'] & string>]),
];

type Query<Name extends string> = Readonly<Partial<Record<Name, string | number>>>;

export interface CallOptions {
  readonly rootUrl: string;
  /** Other policies for calls of the queue than {@link CALL_POLICIES}. */
  readonly policies?: Readonly<Partial<Record<QueueCall, CallPolicy>>>;
  /** Told of each further try. */
  readonly onRetry?: (error: ServiceError, waitMs: number) => void;
  /** Ends a call at once, with the signal's reason. What is on its way to the queue still arrives, unheard. */
  readonly signal?: AbortSignal | undefined;
  /** Shared by the calls of one client: the first that is answered after an outage wakes those that wait for a retry. */
  readonly outage?: Outage;
}

/**
 * Makes one call of one service as `credentials`, by the policy of that call.
 *
 * Credentials that change, as a run's do with each reclaim, are given as a function: each try is made with the present
 * ones, and one that was refused for those that were replaced meanwhile is made again. Without credentials the call is not
 * signed, and the service takes it for anybody's.
 *
 * @throws ServiceError when the last try failed, or the reason of the signal
 */
export type Call = <S extends ServiceName, C extends CallOf<S>>(
  credentials: Credentials | (() => Credentials) | undefined,
  service: S,
  name: C,
  ...args: CallArguments<S, C>
) => Promise<AnyCall<S, C>['output']>;

/** Makes the caller of all services of one deployment. */
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
        // A call that was woken in vain has a trouble of its own, and keeps to its backoff.
        if (await pause(waitMs, mayWake ? outage : undefined, signal)) mayWake = false;
      }
    }
  };
}

/** How many times the usual wait a service is left alone that says it has too much to do. */
const PATIENCE_UNDER_LOAD = 5;

/** A fleet that loses its machines at once asks at once. Where the service refuses that, it must not ask again within milliseconds. */
function backoffAfter({ statusCode }: ServiceError, { backoff }: CallPolicy): Backoff {
  const isBusy = statusCode === 429 || statusCode === 503;
  return isBusy ? { ...backoff, baseMs: backoff.baseMs * PATIENCE_UNDER_LOAD } : backoff;
}

/** Makes one call of the queue, as {@link Call} does of any service. */
export type CallOfQueue = <C extends CallOf<'queue'>>(
  credentials: Credentials | (() => Credentials) | undefined,
  name: C,
  ...args: CallArguments<'queue', C>
) => Promise<AnyCall<'queue', C>['output']>;

/** Makes the caller of the queue of one deployment. */
export function queueCalls(options: CallOptions): CallOfQueue {
  const call = serviceCalls(options);
  return (credentials, name, ...args) => call(credentials, 'queue', name, ...args);
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

/** The queue takes no task that is larger than 10 MiB, and tells it with line breaks and spaces of its own. */
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

/** A part of a path in which a URL reader finds nothing to change, so that what is signed is what is sent. */
function encode(part: string): string {
  return encodeURIComponent(part).replaceAll(
    /[!'()*]/g,
    byte => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
