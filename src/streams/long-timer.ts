import { asyncScheduler, defer, switchMap, timer, type Observable, type SchedulerLike } from 'rxjs';
import { LONGEST_TIMER_MS } from '../base/index.ts';

/** Options of the Observables that wait. */
export interface TimerOptions {
  /**
   * Measures the time. RxJS's `asyncScheduler` by default; a test passes a `TestScheduler` or a `VirtualTimeScheduler`.
   */
  readonly scheduler?: SchedulerLike;
}

/**
 * Emits once, after `ms`, and completes. Unlike a Node timer, it can be longer than 24.8 days.
 *
 * @param ms milliseconds from the subscription; 0 or less emits at once
 */
export function longTimer(
  ms: number,
  { scheduler = asyncScheduler }: TimerOptions = {},
): Observable<unknown> {
  if (ms <= LONGEST_TIMER_MS) return timer(Math.max(0, ms), scheduler);
  return timer(LONGEST_TIMER_MS, scheduler).pipe(
    switchMap(() => longTimer(ms - LONGEST_TIMER_MS, { scheduler })),
  );
}

/**
 * Emits once, when this machine's clock reaches `timeMs`, and completes. Use it for a task's deadline. The queue
 * refuses reclaims from that instant on. It publishes the message only a minute later, without naming the worker.
 *
 * @param timeMs ms since the epoch; a time in the past emits at once
 */
export function deadline(
  timeMs: number,
  { scheduler = asyncScheduler }: TimerOptions = {},
): Observable<unknown> {
  return defer(() => longTimer(timeMs - scheduler.now(), { scheduler }));
}
