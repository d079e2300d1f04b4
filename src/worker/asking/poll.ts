import { defer, filter, Observable, repeat, switchMap, take, timer } from 'rxjs';
import type { Slots } from '../life/slots.ts';
import { MOST_CLAIMS, type Demand } from './claim.ts';

/** An empty answer sooner than this (ms) was no long poll; then this is also the pause before the next. */
const SHORTEST_POLL_MS = 5_000;

/**
 * Asking for work without Pulse: one long poll after the other, for all free slots, with no pause after a task.
 * The queue answers an empty one after 20 s.
 */
export function poll(slots: Slots, now: () => number = () => performance.now()): Observable<Demand> {
  let pauseMs = 0;

  /** Wishes once, and completes when it was answered. */
  const once = () =>
    new Observable<Demand>(subscriber => {
      const tasks = slots.take(MOST_CLAIMS);
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
          // The pause after a failure is over when this is called.
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
