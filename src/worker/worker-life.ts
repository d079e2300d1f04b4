import {
  BehaviorSubject,
  EMPTY,
  distinctUntilChanged,
  filter,
  map,
  switchMap,
  take,
  type Observable,
} from 'rxjs';
import { nextWorkerState, STARTING, type WorkerEvent, type WorkerState } from './worker-state.ts';

/** The worker's state machine as streams. */
export class WorkerLife {
  readonly #state$ = new BehaviorSubject(STARTING);

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

  /** Subscribes to `asking$` each time Pulse gets to be so, for as long as it stays so. */
  whilePulseIs<T>(how: WorkerState['pulse'], asking$: Observable<T>): Observable<T> {
    return this.#state$.pipe(
      map(({ pulse }) => pulse === how),
      distinctUntilChanged(),
      switchMap(is => (is ? asking$ : EMPTY)),
    );
  }
}
