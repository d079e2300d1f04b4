import { setTimeout as pause } from 'node:timers/promises';
import { fullJitter, type Backoff } from '../../../base/index.ts';
import { NoAnswer } from './request-service.ts';
import type { RequestBody } from './request-body.ts';

const BACKOFF: Backoff = { baseMs: 200, capMs: 5_000 };
/** The last attempt starts at most this long after the first, in ms. Taskcluster's clients retry by themselves. */
const LONGEST_MS = 30_000;

/** The properties of a request that decide whether it may be repeated. */
interface Repeatable {
  readonly method: string;
  readonly body: RequestBody;
}

/** Repeating these has the same effect as making them once (RFC 9110, 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/**
 * Whether a request that may have reached a service can be repeated: it has no further effect, and its body is
 * available.
 */
function mayArriveTwice({ method, body }: Repeatable): boolean {
  return IDEMPOTENT.has(method) && body.kind !== 'streamed';
}

/** Statuses of a service with a problem of its own, which may be temporary. */
const PASSING: ReadonlySet<number> = new Set([500, 502, 503, 504]);

/**
 * Makes a request once. `wants` says whether the task gets an answer with this status. Returns whether the task
 * got one.
 */
export type Ask = (wants: (statusCode: number) => boolean) => Promise<boolean>;

/**
 * Repeats a request while its service has problems, but for no longer than {@link LONGEST_MS}. The task gets
 * the last answer, whatever it is. A request that has not reached its service is repeated whatever its method.
 *
 * @throws NoAnswer, other errors of `ask`, or an AbortError
 */
export async function retryRequest(
  request: Repeatable,
  ask: Ask,
  signal: AbortSignal,
  longestMs = LONGEST_MS,
): Promise<void> {
  const lastTryAt = performance.now() + longestMs;
  for (let attempt = 1; ; attempt++) {
    const waitMs = fullJitter(attempt, BACKOFF);
    const isLast = () => performance.now() + waitMs >= lastTryAt;
    try {
      if (await ask(status => !PASSING.has(status) || !mayArriveTwice(request) || isLast())) return;
    } catch (error) {
      if (!(error instanceof NoAnswer) || isLast()) throw error;
      if (error.mayHaveArrived && !mayArriveTwice(request)) throw error;
    }
    await pause(waitMs, undefined, { signal });
  }
}
