import { BehaviorSubject, distinctUntilChanged, map, type Observable } from 'rxjs';

/** The slots for runs. A slot is taken when work is asked for, and becomes free when the run's last trace is gone. */
export interface Slots {
  /** How many more claims may be asked for. Emits the present number first. */
  readonly free$: Observable<number>;
  readonly free: number;
  /**
   * Whether no slot is taken: nothing runs, and no call is open that may bring a claim. Emits the present value
   * first.
   */
  readonly unused$: Observable<boolean>;
  /**
   * Takes up to `wanted` slots.
   *
   * @returns the number of slots taken
   */
  take(wanted: number): number;
  /** Returns slots for which no claim came. */
  giveBack(count: number): void;
  /** Returns the slot of a finished run. */
  leave(): void;
  /** Takes the slot of a finished run out of service, because processes of the run are left. */
  disable(): void;
  /** Puts a slot back into service. */
  enable(): void;
  /** Whether every slot is out of service. Emits the present value first. */
  readonly outOfService$: Observable<boolean>;
  /** Makes the number of free slots 0 until every reason to pause is gone. Taken slots stay taken. */
  pause(reason: PauseReason): void;
  resume(reason: PauseReason): void;
}

/** Why a worker asks for no work although it has slots. */
export type PauseReason = 'quarantine' | 'disk' | 'engine';

/**
 * @param capacity the number of slots
 * @param runs the largest number of runs. A claim beyond it would have to be given back, which costs its task a
 *   retry
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
  // A subscriber may take slots as soon as it hears of them. Later subscribers must see the remaining number: a
  // consumer that believes in a slot that is gone would receive the message that it gives back again and again.
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
      // The queue may have returned more claims than it was asked for.
      change(taken > 0 ? -1 : 0, 0);
    },
    disable: () => {
      lost += 1;
      change(taken > 0 ? -1 : 0, 0);
    },
    enable: () => {
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
