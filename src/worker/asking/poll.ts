import { defer, filter, Observable, repeat, switchMap, take, timer } from 'rxjs';
import type { Slots } from '../life/slots.ts';
import { MAX_CLAIMS, type Demand } from './claim.ts';

/**
 * An empty answer within less than this time (ms) was not a long poll. The next call is then delayed by this time.
 */
const SHORTEST_POLL_MS = 5_000;

/**
 * Asks for work without Pulse: one long poll after the other, for all free slots, with no pause after a task.
 * The queue answers an empty poll after 20 s.
 */
export function poll(slots: Slots, now: () => number = () => performance.now()): Observable<Demand> {
  let pauseMs = 0;

  /** Emits one demand, and completes when it has been answered. */
  const once = () =>
    new Observable<Demand>(subscriber => {
      const tasks = slots.take(MAX_CLAIMS);
      const asked = now();
      const end = (unused: number, afterMs: number) => {
        pauseMs = afterMs;
        slots.giveBack(unused);
        subscriber.complete();
      };
      subscriber.next({
        tasks,
        isExpected: false,
        answered: claims => {
          const isQuick = claims === 0 && now() - asked < SHORTEST_POLL_MS;
          end(tasks - claims, isQuick ? SHORTEST_POLL_MS : 0);
        },
        failed: () => {
          // The pause after a failure is already over at this point.
          end(tasks, 0);
        },
      });
    });

  return defer(() => timer(pauseMs)).pipe(
    switchMap(() => slots.free$),
    filter(free => free > 0),
    take(1),
    switchMap(once),
    repeat(),
  );
}
