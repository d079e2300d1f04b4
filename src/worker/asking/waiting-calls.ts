import { BehaviorSubject, distinctUntilChanged, map, type Observable } from 'rxjs';
import type { Claim } from '../../taskcluster/index.ts';

/**
 * A call waits if it has no answer after this time, in ms. The queue answers at once if it has a task. The time is less
 * than half of the queue's interval between checks. Otherwise, at some rates of tasks, each call would get a task just
 * before its time is up.
 */
const WAITS_AFTER_MS = 400;

/** Called with the claims of a call, or with undefined if the call has failed. */
export type Answered = (claims?: readonly Claim[]) => void;

/**
 * The open `claimWork` calls that have found no task yet.
 *
 * Such a call stays open for 20 s. Meanwhile, the queue checks for tasks only once per second, for all calls of the
 * pool. In a busy pool that would never end: the call receives the task of the next notice, and the call that was made
 * for this notice waits in its place. So each waiting call takes one more notice for each task that it asked for. No
 * call is made for that notice, because the waiting call receives its task.
 */
export interface WaitingCalls {
  /** How many notices the waiting calls can take. Emits the present number first. */
  readonly room$: Observable<number>;
  /** Registers a call that asks for so many tasks. Returns a function to call when the call is over. */
  open(tasks: number): Answered;
  /**
   * Lets a waiting call take a notice.
   *
   * @param answered called when the call is over
   * @returns false if no waiting call has room
   */
  take(answered: Answered): boolean;
}

interface Call {
  room: number;
  readonly takers: Answered[];
}

export function waitingCalls(): WaitingCalls {
  const waiting = new Set<Call>();
  const changed$ = new BehaviorSubject<void>(undefined);
  const room = () => [...waiting].reduce((sum, call) => sum + call.room, 0);
  return {
    room$: changed$.pipe(map(room), distinctUntilChanged()),
    open: tasks => {
      const call: Call = { room: tasks, takers: [] };
      const timer = setTimeout(() => {
        waiting.add(call);
        changed$.next();
      }, WAITS_AFTER_MS);
      return claims => {
        clearTimeout(timer);
        if (waiting.delete(call)) changed$.next();
        for (const answered of call.takers.splice(0)) answered(claims);
      };
    },
    take: answered => {
      const call = [...waiting].find(each => each.room > 0);
      if (!call) return false;
      call.room -= 1;
      call.takers.push(answered);
      changed$.next();
      return true;
    },
  };
}
