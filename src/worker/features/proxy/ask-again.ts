import { setTimeout as pause } from 'node:timers/promises';
import { fullJitter, type Backoff } from '../../../base/index.ts';
import { NoAnswer } from './ask-service.ts';
import type { RequestBody } from './request-body.ts';

const BACKOFF: Backoff = { baseMs: 200, capMs: 5_000 };
/** No further try begins later than this after the first, in ms. A client of Taskcluster tries again itself. */
const LONGEST_MS = 30_000;

/** What of a request decides whether it may be made again. */
interface Repeatable {
  readonly method: string;
  readonly body: RequestBody;
}

/** Made twice, these do what they do once (RFC 9110, 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** Whether a request that a service may have heard can be made again: nothing happens twice, and it is all still here. */
function mayArriveTwice({ method, body }: Repeatable): boolean {
  return IDEMPOTENT.has(method) && body.kind !== 'streamed';
}

/** What a service says that has a trouble of its own, which may pass. */
const PASSING: ReadonlySet<number> = new Set([500, 502, 503, 504]);

/** Makes a request once. `wants` says whether an answer with this status is what the task gets. Returns whether it got one. */
export type Ask = (wants: (statusCode: number) => boolean) => Promise<boolean>;

/**
 * Makes a request again while its service is in trouble, but for no longer than {@link LONGEST_MS}. The last answer is the
 * task's, whatever it is. A request that has not even reached its service is made again whatever it asks for.
 *
 * @throws NoAnswer, what `ask` throws else, or an AbortError
 */
export async function askAgain(
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
