import { BehaviorSubject, takeUntil, throwError, timer, type Observable, type Subscription } from 'rxjs';
import { fullJitter, type Backoff } from '../../base/index.ts';
import type { PulseError } from '../errors.ts';
import { keptOpen } from './kept-open.ts';
import type { PulseState } from './state.ts';
import type { TransportConnection } from '../transport/transport.ts';

/**
 * One connection, kept alive: opened, monitorQueue, and opened again when it is lost, with backoff and full jitter. The backoff
 * starts anew once a connection has lived as long as the longest wait: one that is accepted and closed at once, for a limit
 * of the user or a policy, is tried later and later too.
 *
 * A refused login or vhost ends it, when it is the first: the caller's mistake would stay one. Later on the same
 * answer is retried, because a password change at Pulse deletes the user and makes it again.
 */
export class Session {
  readonly #connection$ = new BehaviorSubject<TransportConnection | undefined>(undefined);
  readonly #state$ = new BehaviorSubject<PulseState>({ name: 'connecting' });
  readonly #open: (signal: AbortSignal) => Promise<TransportConnection>;
  readonly #backoff: Backoff;
  readonly #acceptedElsewhere: () => boolean;
  readonly #closing = new AbortController();
  #subscription: Subscription | undefined;
  #everConnected = false;
  /** What ended the last connection or try, while there is no other. */
  #lost: PulseError | undefined;

  constructor(
    /** Gives up when the signal says so. */
    open: (signal: AbortSignal) => Promise<TransportConnection>,
    backoff: Backoff,
    /** Whether another connection has shown that the login is right. */
    acceptedElsewhere = () => false,
  ) {
    this.#open = open;
    this.#backoff = backoff;
    this.#acceptedElsewhere = acceptedElsewhere;
  }

  /** The live connection, or undefined while there is none. Errors when the session failed for good. */
  get connection$(): Observable<TransportConnection | undefined> {
    return this.#connection$.asObservable();
  }

  get state$(): Observable<PulseState> {
    return this.#state$.asObservable();
  }

  /** Why nothing can be published over it now, as far as is known. */
  get trouble(): string | undefined {
    const state = this.#state$.value;
    if (state.name === 'blocked') return `the broker takes no messages now (${state.reason})`;
    return this.#lost?.message;
  }

  get everConnected(): boolean {
    return this.#everConnected;
  }

  /** Does nothing the second time, and once it is closed. */
  start(): this {
    if (this.#closing.signal.aborted) return this;
    this.#subscription ??= keptOpen(
      () => this.#connect(),
      this.#backoff.capMs,
      (error, attempt) => this.#again(error, attempt),
    ).subscribe({
      next: connection => {
        this.#everConnected = true;
        this.#lost = undefined;
        connection.blocked$.pipe(takeUntil(connection.closed)).subscribe(reason => {
          this.#state$.next(reason === undefined ? { name: 'connected' } : { name: 'blocked', reason });
        });
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
    const connection = this.#connection$.hasError ? undefined : this.#connection$.value;
    this.#closing.abort();
    this.#subscription?.unsubscribe();
    this.#connection$.next(undefined);
    this.#connection$.complete();
    await connection?.close();
    this.#state$.next({ name: 'closed' });
    this.#state$.complete();
  }

  async #connect(): Promise<TransportConnection> {
    const { signal } = this.#closing;
    this.#state$.next({ name: 'connecting' });
    const connection = await this.#open(signal);
    // A transport may be past giving up. What it brings then must not stay open unseen.
    if (signal.aborted) await connection.close();
    return connection;
  }

  #again(error: PulseError, attempt: number): Observable<unknown> {
    const acceptedBefore = this.#everConnected || this.#acceptedElsewhere();
    if (!error.transient && !acceptedBefore) return throwError(() => error);
    this.#lost = error;
    const retryInMs = fullJitter(attempt, this.#backoff);
    this.#connection$.next(undefined);
    this.#state$.next({ name: 'waiting', error, retryInMs });
    return timer(retryInMs);
  }
}
