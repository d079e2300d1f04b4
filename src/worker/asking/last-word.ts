import { BehaviorSubject, filter, Subject, take, type Observable } from 'rxjs';

/** A notice was given back, or the worker is about to go for idleness. */
export type WhyLook = 'notice-given-back' | 'idle';

/** What those who ask for work share: what the queue said last, and which calls are open. */
export interface LastWord {
  /** A call that may bring claims was made. Call what it returns as soon as there is an answer, or a failure. */
  opened(): () => void;
  /** The queue has nothing for this worker. */
  nothing(): void;
  /** The queue could not be asked for work: nobody knows whether there is any. */
  failed(): void;
  /** Why to look for pending tasks soon. */
  readonly look$: Observable<WhyLook>;
  /** A notice was given back because its claim failed. It may not come again. */
  noticeGivenBack(): void;
  /** Emits once, when no call is open that may bring claims. */
  readonly noClaimOpen$: Observable<unknown>;
  /** Asks for the queue's word, and emits true while the last one since then is that it has nothing. */
  confirmed(): Observable<boolean>;
}

export function lastWord(): LastWord {
  const open$ = new BehaviorSubject(0);
  const nothing$ = new BehaviorSubject(false);
  const look$ = new Subject<WhyLook>();
  return {
    opened: () => {
      open$.next(open$.value + 1);
      return () => {
        open$.next(open$.value - 1);
      };
    },
    nothing: () => {
      nothing$.next(true);
    },
    failed: () => {
      nothing$.next(false);
    },
    look$,
    noticeGivenBack: () => {
      look$.next('notice-given-back');
    },
    noClaimOpen$: open$.pipe(
      filter(open => open === 0),
      take(1),
    ),
    confirmed: () => {
      nothing$.next(false);
      look$.next('idle');
      return nothing$;
    },
  };
}
