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
import { nextWorkerState, STARTING, type WorkerEvent, type WorkerState } from './worker-state.ts';

/**
 * When Pulse goes or comes back, the whole fleet sees it at once; what each worker then asks the queue is spread over
 * so long (ms). Meanwhile notices already wake it.
 */
export const SPREAD_MS = 15_000;

/** The worker's state machine as streams. */
export class WorkerLife {
  readonly #state$ = new BehaviorSubject(STARTING);
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** The present state first. */
  get state$(): Observable<WorkerState> {
    return this.#state$.asObservable();
  }

  get draining(): boolean {
    const { phase } = this.#state$.value;
    return phase === 'draining' || phase === 'stopped';
  }

  /** Emits once, when nothing more is to be asked for. */
  get draining$(): Observable<unknown> {
    return this.#state$.pipe(
      filter(() => this.draining),
      take(1),
    );
  }

  dispatch(event: WorkerEvent): void {
    this.#state$.next(nextWorkerState(this.#state$.value, event));
  }

  /**
   * Subscribes to `asking$` each time Pulse gets to be so, for as long as it stays so: at once when the worker starts,
   * after a change within {@link SPREAD_MS}.
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
