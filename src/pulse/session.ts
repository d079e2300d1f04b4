import {
  BehaviorSubject,
  defer,
  finalize,
  from,
  map,
  merge,
  of,
  retry,
  switchMap,
  throwError,
  timer,
  type Observable,
  type Subscription,
} from 'rxjs';
import { fullJitter, type Backoff } from './backoff.ts';
import { PulseError } from './errors.ts';
import type { PulseState } from './state.ts';
import type { TransportConnection } from './transport.ts';

/**
 * One connection, kept alive: opened, watched, and opened again when it is lost, with backoff and full jitter.
 *
 * A refused login or vhost ends it, when it is the first: the caller's mistake would stay one. Later on the same
 * answer is retried, because a password change at Pulse deletes the user and makes it again.
 */
export class Session {
  readonly #connection$ = new BehaviorSubject<TransportConnection | undefined>(undefined);
  readonly #state$ = new BehaviorSubject<PulseState>({ name: 'connecting' });
  readonly #open: () => Promise<TransportConnection>;
  readonly #backoff: Backoff;
  #subscription: Subscription | undefined;
  #everConnected = false;
  #closed = false;

  constructor(open: () => Promise<TransportConnection>, backoff: Backoff) {
    this.#open = open;
    this.#backoff = backoff;
  }

  /** The live connection, or undefined while there is none. Errors when the session failed for good. */
  get connection$(): Observable<TransportConnection | undefined> {
    return this.#connection$.asObservable();
  }

  get state$(): Observable<PulseState> {
    return this.#state$.asObservable();
  }

  start(): this {
    this.#subscription ??= this.#lifetime().subscribe({
      next: connection => {
        this.#everConnected = true;
        this.#connection$.next(connection);
      },
      error: (error: PulseError) => {
        this.#state$.next({ name: 'failed', error });
        this.#connection$.error(error);
      },
    });
    return this;
  }

  /** Closes the connection, and is sure that none stays behind. */
  async close(): Promise<void> {
    this.#closed = true;
    const connection = this.#connection$.hasError ? undefined : this.#connection$.value;
    this.#subscription?.unsubscribe();
    this.#connection$.complete();
    await connection?.close();
    this.#state$.next({ name: 'closed' });
    this.#state$.complete();
  }

  #lifetime(): Observable<TransportConnection> {
    return defer(() => {
      this.#state$.next({ name: 'connecting' });
      return this.#openUnlessClosed();
    }).pipe(
      switchMap(connection => this.#untilLost(connection)),
      retry({ delay: (error: PulseError, attempt) => this.#decide(error, attempt), resetOnSuccess: true }),
    );
  }

  /** `close()` may come while a connect is under way; what that brings must not stay open unseen. */
  async #openUnlessClosed(): Promise<TransportConnection> {
    const connection = await this.#open();
    if (this.#closed) await connection.close();
    return connection;
  }

  #untilLost(connection: TransportConnection): Observable<TransportConnection> {
    const watching = connection.blocked$.subscribe(reason => {
      this.#state$.next(reason === undefined ? { name: 'connected' } : { name: 'blocked', reason });
    });
    const lost$ = from(connection.closed).pipe(
      map((error): TransportConnection => {
        throw error;
      }),
    );
    return merge(of(connection), lost$).pipe(
      finalize(() => {
        watching.unsubscribe();
        void connection.close();
      }),
    );
  }

  #decide(error: PulseError, attempt: number): Observable<unknown> {
    if (!error.transient && !this.#everConnected) return throwError(() => error);
    const retryInMs = fullJitter(attempt, this.#backoff);
    this.#connection$.next(undefined);
    this.#state$.next({ name: 'waiting', error, retryInMs });
    return timer(retryInMs);
  }
}
