import { Subject, switchMap, timer, type Observable } from 'rxjs';

/** Calls that wait for the end of the same outage do not all come back in the same millisecond. */
const SPREAD_MS = 500;

/** Whether the queue answers, as far as the calls of one client show. */
export interface Outage {
  /** A call got no good answer. */
  failed(): void;
  /** A call was answered by the queue, whatever the answer. */
  answered(): void;
  /** Emits when a call is answered after one that failed, for each subscriber within {@link SPREAD_MS}. */
  readonly back$: Observable<unknown>;
}

export function outage(random: () => number = Math.random): Outage {
  let away = false;
  const answered$ = new Subject<void>();
  return {
    failed: () => {
      away = true;
    },
    answered: () => {
      if (!away) return;
      away = false;
      answered$.next();
    },
    back$: answered$.pipe(switchMap(() => timer(random() * SPREAD_MS))),
  };
}
