import { BehaviorSubject, filter, map, ReplaySubject, type Observable } from 'rxjs';
import type { Credentials } from '../../../taskcluster/index.ts';
import { keepRegistered, type Renewing } from './keep-registered.ts';
import type { RegistrationState } from '../state/registration-state.ts';

/** A registered worker. Its credentials are renewed until it is disposed. */
export interface Member extends AsyncDisposable {
  /** Returns the current registration. */
  readonly state: () => RegistrationState;
  /** Emits each replacement of the credentials. */
  readonly credentials$: Observable<Credentials>;
  /** Emits once, when the credentials are about to expire and cannot be renewed. */
  readonly ends$: Observable<unknown>;
}

export function memberOf(state: RegistrationState, renewing: Renewing): Member {
  const state$ = new BehaviorSubject(state);
  const ends$ = new ReplaySubject<void>(1);
  const left = new AbortController();
  const keeping = keepRegistered(state$, renewing, left.signal).then(
    () => {
      ends$.next();
    },
    (error: unknown) => {
      if (!left.signal.aborted) ends$.error(error);
    },
  );
  return {
    state: () => state$.value,
    credentials$: state$.pipe(
      map(({ credentials }) => credentials),
      filter(credentials => credentials !== state.credentials),
    ),
    ends$: ends$.asObservable(),
    [Symbol.asyncDispose]: async () => {
      left.abort(new Error('the worker has ended'));
      await keeping;
    },
  };
}
