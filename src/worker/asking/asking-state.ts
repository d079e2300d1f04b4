import { BehaviorSubject, filter, Subject, take, type Observable } from 'rxjs';
import { waitingCalls, type CallOver, type WaitingCalls } from './waiting-calls.ts';

/** Why to check for pending tasks: a notice was given back, or the worker would otherwise exit as idle. */
export type CheckReason = 'notice-given-back' | 'idle';

/** State shared by everything that asks the queue for work: its last answer, and the calls that are open. */
export interface AskingState {
  /**
   * Registers a call that may bring claims.
   *
   * @param isExpected whether a task is known to be pending. A long poll does not count as a waiting call
   * @returns a function to call as soon as the call has succeeded or failed
   */
  callOpened(isExpected?: boolean): CallOver;
  /** The open calls that have found nothing yet. */
  readonly waiting: WaitingCalls;
  /** The queue has nothing for this worker. */
  nothingPending(): void;
  /** The queue could not be asked, so nobody knows whether there is work. */
  callFailed(): void;
  /** Emits a reason to check for pending tasks soon. */
  readonly check$: Observable<CheckReason>;
  /** A notice was given back because its claim failed. It may not come again. */
  noticeGivenBack(): void;
  /** Emits once, when no call is open that may bring claims. */
  readonly noClaimOpen$: Observable<unknown>;
  /** Requests a check. Emits whether the last answer since then was that nothing is pending. */
  confirmNothing(): Observable<boolean>;
}

export function askingState(): AskingState {
  const open$ = new BehaviorSubject(0);
  const nothing$ = new BehaviorSubject(false);
  const check$ = new Subject<CheckReason>();
  const waiting = waitingCalls();
  return {
    waiting,
    callOpened: (isExpected = true) => {
      open$.next(open$.value + 1);
      const over = isExpected ? waiting.open() : undefined;
      return isAnswered => {
        over?.(isAnswered);
        open$.next(open$.value - 1);
      };
    },
    nothingPending: () => {
      nothing$.next(true);
    },
    callFailed: () => {
      nothing$.next(false);
    },
    check$,
    noticeGivenBack: () => {
      check$.next('notice-given-back');
    },
    noClaimOpen$: open$.pipe(
      filter(open => open === 0),
      take(1),
    ),
    confirmNothing: () => {
      nothing$.next(false);
      check$.next('idle');
      return nothing$;
    },
  };
}
