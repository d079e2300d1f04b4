import { defer, finalize, from, map, merge, of, retry, switchMap, tap, type Observable } from 'rxjs';
import { FailuresInARow } from './backoff.ts';
import type { PulseError } from '../errors.ts';

/** What may end by itself: a connection, a channel. */
interface Closable {
  readonly closed: Promise<PulseError>;
  close(): Promise<void>;
}

/**
 * Opens something, emits it, and opens it again when it is over. Unsubscribing closes it.
 *
 * @param steadyMs what was open for as long, and no shorter, has not failed: see {@link FailuresInARow}
 * @param again decides after each loss or failed try: when its Observable emits it is opened again, and its error
 *   is final. `attempt` counts the failures in a row, from 1.
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
