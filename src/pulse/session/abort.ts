import { inTimerRange } from '../../base/index.ts';
import { NEVER, Observable } from 'rxjs';
import { PulseError } from '../errors.ts';

/** Emits once when the signal is aborted, or at once if it is. */
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

/** @param what was stopped: "waiting for the connection" */
export function abortedError(what: string, signal: AbortSignal): PulseError {
  return new PulseError('aborted', `${what} was aborted`, { cause: signal.reason });
}

/**
 * Waits for work until a time limit or a signal, whichever comes first. The work itself goes on.
 *
 * @param what is waited for, as the error of the signal names it
 * @param late makes the error of the time limit
 * @throws PulseError that of `late`, or `aborted`
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
  // A rejection nobody waits for any more is none of the program's.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, stopped]);
  } finally {
    clearTimeout(limit);
    aborting.unsubscribe();
  }
}
