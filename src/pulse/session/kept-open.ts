import { defer, finalize, from, map, merge, of, retry, switchMap, tap, type Observable } from 'rxjs';
import { FailuresInARow } from './backoff.ts';
import type { PulseError } from '../errors.ts';

/** A connection or a channel, which may end by itself. */
interface Closable {
  readonly closed: Promise<PulseError>;
  close(): Promise<void>;
}

/**
 * Opens a connection or a channel, emits it, and opens a new one when it ends. Unsubscribing closes it.
 *
 * @param steadyMs how long it must stay open for the count of failures to start again; see {@link FailuresInARow}
 * @param again decides after each loss or failed attempt. When its Observable emits, a new one is opened. If it
 *   errors, the error is final. `attempt` counts the consecutive failures, from 1.
 */
export function keptOpen<T extends Closable>(
  open: () => Promise<T>,
  steadyMs: number,
  again: (error: PulseError, attempt: number) => Observable<unknown>,
): Observable<T> {
  return defer(() => {
    const failures = new FailuresInARow(steadyMs);
    return defer(open).pipe(
      tap(() => {
        failures.opened();
      }),
      switchMap(opened => untilClosed(opened)),
      retry({ delay: (error: PulseError) => again(error, failures.failed()) }),
    );
  });
}

function untilClosed<T extends Closable>(opened: T): Observable<T> {
  const lost$ = from(opened.closed).pipe(
    map((error): T => {
      throw error;
    }),
  );
  return merge(of(opened), lost$).pipe(
    finalize(() => {
      void opened.close();
    }),
  );
}
