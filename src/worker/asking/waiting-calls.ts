import { BehaviorSubject, distinctUntilChanged, map, type Observable } from 'rxjs';

/**
 * A call without an answer counts as waiting after this time, in ms. If the queue has a task, it answers at once. The
 * time is less than half of the second between the queue's checks: otherwise, at some rates of tasks, each call would
 * receive the task of the next notice just before its time is up.
 *
 * A generic-worker in the pool keeps a call open all the time, so that calls with a task of their own wait for the next
 * check, too. The task of the notice that such a call takes is then received by the generic-worker.
 */
const WAITING_AFTER_MS = 450;
/** The queue answers within 20 s. A call that takes longer hangs, and its notice goes back after this time, in ms. */
const HANGING_AFTER_MS = 22_000;

/** Called when a call is over, with whether the queue has answered it. */
export type CallOver = (isAnswered: boolean) => void;

/**
 * The open `claimWork` calls for which there was no task.
 *
 * Such a call stays open for 20 s. Meanwhile, the queue checks for tasks only once per second, for all calls of the
 * pool. In a busy pool that would never end: the call receives the task of the next notice, and the call that was made
 * for this notice waits in its place. So each waiting call takes one more notice. No call is made for that notice,
 * because the waiting call receives its task.
 */
export interface WaitingCalls {
  /** How many notices the waiting calls can take. Emits the present number first. */
  readonly room$: Observable<number>;
  /** Registers a call. Returns a function to call when the call is over. */
  open(): CallOver;
  /**
   * Lets a waiting call take a notice.
   *
   * @param over called when the call is over
   * @returns false if no waiting call is without a notice
   */
  take(over: CallOver): boolean;
}

export function waitingCalls(): WaitingCalls {
  /** The waiting calls, each with the callback for its notice. */
  const waiting = new Map<object, CallOver | undefined>();
  const withoutNotice = () => [...waiting].filter(([, taker]) => !taker).map(([call]) => call);
  const changed$ = new BehaviorSubject<void>(undefined);
  return {
    room$: changed$.pipe(
      map(() => withoutNotice().length),
      distinctUntilChanged(),
    ),
    open: () => {
      const call = {};
      const over: CallOver = isAnswered => {
        clearTimeout(timer);
        clearTimeout(hanging);
        const taker = waiting.get(call);
        if (waiting.delete(call)) changed$.next();
        taker?.(isAnswered);
      };
      const timer = setTimeout(() => {
        waiting.set(call, undefined);
        changed$.next();
      }, WAITING_AFTER_MS);
      const hanging = setTimeout(over, HANGING_AFTER_MS, false);
      hanging.unref();
      return over;
    },
    take: over => {
      const [call] = withoutNotice();
      if (!call) return false;
      waiting.set(call, over);
      changed$.next();
      return true;
    },
  };
}
