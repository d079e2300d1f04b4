import { BehaviorSubject, distinctUntilChanged, map, type Observable } from 'rxjs';

/** The places for runs. A place is taken when work is asked for, and free again when the run's last trace is gone. */
export interface Slots {
  /** How many more claims may be asked for. The present number first. */
  readonly free$: Observable<number>;
  readonly free: number;
  /** Whether none is taken: nothing runs, and no call is open that may bring a claim. The present answer first. */
  readonly unused$: Observable<boolean>;
  /**
   * Takes up to `wanted` places.
   *
   * @returns how many were given
   */
  take(wanted: number): number;
  /** Gives back places that no claim came for. */
  giveBack(count: number): void;
  /** Gives back the place of a run that is over. */
  leave(): void;
  /** Takes the place of a run that is over out of service: something of the run is left there. */
  lose(): void;
  /** Puts a place back into service. */
  regain(): void;
  /** Whether no place is in service any more. The present answer first. */
  readonly outOfService$: Observable<boolean>;
  /**
   * From now on there are none free, whatever is given back, until there is no reason left to pause. Those that are taken
   * stay so.
   */
  pause(reason: PauseReason): void;
  resume(reason: PauseReason): void;
}

/** Why a worker asks for no work, though it has places. */
export type PauseReason = 'quarantine' | 'disk' | 'engine';

/**
 * @param capacity how many places there are
 * @param runs how many runs there may be in all: a claim beyond them would have to be given back, which costs its task
 *   one of its retries
 */
export function slotsFor(capacity: number, runs = Infinity): Slots {
  let taken = 0;
  let lost = 0;
  let runsLeft = runs;
  const pauses = new Set<PauseReason>();
  const free = () => (pauses.size > 0 ? 0 : Math.min(capacity - taken - lost, runsLeft));
  const changed$ = new BehaviorSubject<void>(undefined);
  const change = (difference: number, ofRunsLeft: number) => {
    taken += difference;
    runsLeft += ofRunsLeft;
    if (difference !== 0) changed$.next();
  };
  // Who hears of free slots may take some at once. Those behind are told of what is left: a consumer that believed
  // in a slot that is gone would get the message that it gives back again, and again.
  const present = <T>(read: () => T) => changed$.pipe(map(read), distinctUntilChanged());
  return {
    free$: present(free),
    get free() {
      return free();
    },
    unused$: present(() => taken === 0),
    take: wanted => {
      const given = Math.max(0, Math.min(wanted, free()));
      change(given, -given);
      return given;
    },
    giveBack: count => {
      const given = Math.max(0, Math.min(count, taken));
      change(-given, given);
    },
    leave: () => {
      // A queue may have given more than it was asked for.
      change(taken > 0 ? -1 : 0, 0);
    },
    lose: () => {
      lost += 1;
      change(taken > 0 ? -1 : 0, 0);
    },
    regain: () => {
      lost -= 1;
      changed$.next();
    },
    outOfService$: present(() => lost >= capacity),
    pause: reason => {
      pauses.add(reason);
      changed$.next();
    },
    resume: reason => {
      pauses.delete(reason);
      changed$.next();
    },
  };
}
