import { defer, finalize, from, map, merge, of, retry, switchMap, type Observable } from 'rxjs';
import type { PulseError } from './errors.ts';

/** What may end by itself: a connection, a channel. */
interface Closable {
  readonly closed: Promise<PulseError>;
  close(): Promise<void>;
}

/**
 * Opens something, emits it, and opens it again when it is over. Unsubscribing closes it.
 *
 * @param again decides after each loss or failed try: when its Observable emits it is opened again, and its error
 *   is final. `attempt` counts the failures since something was last open, from 1.
 */
export function keptOpen<T extends Closable>(
  open: () => Promise<T>,
  again: (error: PulseError, attempt: number) => Observable<unknown>,
): Observable<T> {
  return defer(open).pipe(
    switchMap(opened => untilClosed(opened)),
    retry({ delay: again, resetOnSuccess: true }),
  );
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
