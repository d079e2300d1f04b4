import { BehaviorSubject, takeUntil, throwError, timer, type Observable, type Subscription } from 'rxjs';
import { fullJitter, type Backoff } from '../../base/index.ts';
import type { PulseError } from '../errors.ts';
import { keptOpen } from './kept-open.ts';
import type { PulseState } from './state.ts';
import type { TransportConnection } from '../transport/transport.ts';

/**
 * Keeps one connection open: opens it, watches it, and opens it again when it is lost, with backoff and full jitter.
 * The backoff starts again once a connection has lived as long as the longest delay. So the delays also grow for
 * connections that the broker accepts and closes at once, because of a user limit or a policy.
 *
 * If the broker refuses the login or the vhost on the first connection, the session fails, because a retry would not
 * help. Later, the same refusal is retried, because a password change at Pulse deletes the user and creates it again.
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
  /** What ended the last connection or attempt, while there is no connection. */
  #lost: PulseError | undefined;

  constructor(
    /** Opens a connection. Gives up when the signal is aborted. */
    open: (signal: AbortSignal) => Promise<TransportConnection>,
    backoff: Backoff,
    /** Whether another connection has already logged in with the same credentials. */
    acceptedElsewhere = () => false,
  ) {
    this.#open = open;
    this.#backoff = backoff;
    this.#acceptedElsewhere = acceptedElsewhere;
  }

  /** The open connection, or undefined while there is none. Errors when the session has failed permanently. */
  get connection$(): Observable<TransportConnection | undefined> {
    return this.#connection$.asObservable();
  }

  get state$(): Observable<PulseState> {
    return this.#state$.asObservable();
  }

  /** Why nothing can be published at the moment, as far as it is known. */
  get problem(): string | undefined {
    const state = this.#state$.value;
    if (state.name === 'blocked') return `the broker accepts no messages at the moment (${state.reason})`;
    return this.#lost?.message;
  }

  get everConnected(): boolean {
    return this.#everConnected;
  }

  /** Does nothing when called again, or after the session is closed. */
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

  /** Closes the connection and makes sure that none stays open. */
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
    // It may be too late for the transport to give up. Its connection must not stay open unnoticed.
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
