import { asyncScheduler, defer, switchMap, timer, type Observable, type SchedulerLike } from 'rxjs';
import { LONGEST_TIMER_MS } from '../base/index.ts';

/**
 * Emits once, after `ms`, however long that is: a deadline may be months away.
 *
 * @param ms milliseconds from the subscription; nothing or less emits at once
 */
export function longTimer(ms: number, scheduler: SchedulerLike = asyncScheduler): Observable<unknown> {
  if (ms <= LONGEST_TIMER_MS) return timer(Math.max(0, ms), scheduler);
  return timer(LONGEST_TIMER_MS, scheduler).pipe(
    switchMap(() => longTimer(ms - LONGEST_TIMER_MS, scheduler)),
  );
}

/**
 * Emits once, when this machine's clock shows `timeMs` (ms since the epoch). The queue's message about a deadline
 * does not name the worker, and comes a minute late; a reclaim is refused from the instant it passes.
 */
export function deadline(timeMs: number, scheduler: SchedulerLike = asyncScheduler): Observable<unknown> {
  return defer(() => longTimer(timeMs - scheduler.now(), scheduler));
}
