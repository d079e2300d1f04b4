import { inTimerRange } from '../../base/index.ts';
import { NEVER, Observable } from 'rxjs';
import { PulseError } from '../errors.ts';

/** Emits once when the signal is aborted, or immediately if it already is. */
export function untilAborted(signal: AbortSignal | undefined): Observable<unknown> {
  if (!signal) return NEVER;
  return new Observable(subscriber => {
    const abort = () => {
      subscriber.next(undefined);
      subscriber.complete();
    };
    if (signal.aborted) {
      abort();
      return undefined;
    }
    signal.addEventListener('abort', abort);
    return () => {
      signal.removeEventListener('abort', abort);
    };
  });
}

/** @param what the aborted action, such as "waiting for the connection" */
export function abortedError(what: string, signal: AbortSignal): PulseError {
  return new PulseError('aborted', `${what} was aborted`, { cause: signal.reason });
}

/**
 * Waits for work until a time limit or a signal, whichever comes first. The work itself continues.
 *
 * @param what the action, as the signal's error names it
 * @param late creates the error for the time limit
 * @throws PulseError the error from `late`, or `aborted`
 */
export async function within<T>(
  work: Promise<T>,
  what: string,
  {
    timeoutMs,
    signal,
  }: { readonly timeoutMs?: number | undefined; readonly signal?: AbortSignal | undefined },
  late: () => PulseError,
): Promise<T> {
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const limit =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          reject(late());
        }, inTimerRange(timeoutMs));
  const aborting = untilAborted(signal).subscribe(() => {
    if (signal) reject(abortedError(what, signal));
  });
  // Prevents an unhandled rejection if the work fails after the wait has ended.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, stopped]);
  } finally {
    clearTimeout(limit);
    aborting.unsubscribe();
  }
}
