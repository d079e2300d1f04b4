import {
  BehaviorSubject,
  EMPTY,
  distinctUntilChanged,
  filter,
  map,
  pairwise,
  startWith,
  switchMap,
  take,
  timer,
  type Observable,
} from 'rxjs';
import { nextWorkerState, STARTING, type LifeEvent, type WorkerState } from './worker-state.ts';

/**
 * When Pulse goes down or comes back, the whole fleet notices at once. Each worker waits a random time of up to
 * this many ms before it asks the queue. Notices wake it in the meantime.
 */
export const SPREAD_MS = 15_000;

/** The worker's state machine as streams. */
export class WorkerLife {
  readonly #state$ = new BehaviorSubject(STARTING);
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** Emits the present state first. */
  get state$(): Observable<WorkerState> {
    return this.#state$.asObservable();
  }

  get draining(): boolean {
    const { phase } = this.#state$.value;
    return phase === 'draining' || phase === 'stopped';
  }

  /** Emits once, when the worker must not ask for any more work. */
  get draining$(): Observable<unknown> {
    return this.#state$.pipe(
      filter(() => this.draining),
      take(1),
    );
  }

  dispatch(event: LifeEvent): void {
    this.#state$.next(nextWorkerState(this.#state$.value, event));
  }

  /**
   * Subscribes to `asking$` whenever Pulse enters the given state, and unsubscribes when it leaves it. When the
   * worker starts, the subscription is immediate. After a change, it is delayed by up to {@link SPREAD_MS}.
   */
  whilePulseIs<T>(how: WorkerState['pulse'], asking$: Observable<T>): Observable<T> {
    return this.#state$.pipe(
      map(({ pulse }) => pulse),
      distinctUntilChanged(),
      startWith(STARTING.pulse),
      pairwise(),
      switchMap(([before, now]) => {
        if (now !== how) return EMPTY;
        if (before === 'undecided') return asking$;
        return timer(this.#random() * SPREAD_MS).pipe(switchMap(() => asking$));
      }),
    );
  }
}
