import { Subject, switchMap, timer, type Observable } from 'rxjs';

/**
 * Calls that wait for the end of the same outage are spread over this time, in ms, so that they do not retry all at
 * once.
 */
const SPREAD_MS = 500;

/** Tracks whether the queue answers, judging by the calls of one client. */
export interface Outage {
  /** Call this when a call failed with a transient error. */
  failed(): void;
  /** Call this when the queue answered a call, whatever the answer. */
  answered(): void;
  /**
   * Emits when a call is answered after one failed, to each subscriber after a random delay of up to {@link SPREAD_MS}.
   */
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
