import { BehaviorSubject, distinctUntilChanged, map, type Observable } from 'rxjs';

/** The places for runs. A place is taken when work is asked for, and free again when the run's last trace is gone. */
export interface Slots {
  /** How many more claims may be asked for. The present number first. */
  readonly free$: Observable<number>;
  readonly free: number;
  /**
   * Takes up to `wanted` places.
   *
   * @returns how many were given
   */
  take(wanted: number): number;
  giveBack(count: number): void;
}

export function slotsFor(capacity: number): Slots {
  const free$ = new BehaviorSubject(capacity);
  return {
    // Who hears of free slots may take some at once. Those behind are told of what is left: a consumer that believed
    // in a slot that is gone would get the message that it gives back again, and again.
    free$: free$.pipe(
      map(() => free$.value),
      distinctUntilChanged(),
    ),
    get free() {
      return free$.value;
    },
    take: wanted => {
      const given = Math.max(0, Math.min(wanted, free$.value));
      if (given > 0) free$.next(free$.value - given);
      return given;
    },
    giveBack: count => {
      if (count > 0) free$.next(Math.min(capacity, free$.value + count));
    },
  };
}
