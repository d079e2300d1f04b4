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
  /** From now on there are none free, whatever is given back. Those that are taken stay so. */
  pause(): void;
  resume(): void;
}

export function slotsFor(capacity: number): Slots {
  let rest = capacity;
  let paused = false;
  const free$ = new BehaviorSubject(capacity);
  const tell = () => {
    free$.next(paused ? 0 : rest);
  };
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
      rest -= given;
      if (given > 0) tell();
      return given;
    },
    giveBack: count => {
      rest = Math.min(capacity, rest + Math.max(0, count));
      if (count > 0) tell();
    },
    pause: () => {
      paused = true;
      tell();
    },
    resume: () => {
      paused = false;
      tell();
    },
  };
}
