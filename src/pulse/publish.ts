import {
  BehaviorSubject,
  defer,
  filter,
  firstValueFrom,
  from,
  lastValueFrom,
  Observable,
  of,
  retry,
  switchMap,
  take,
  throwError,
  throwIfEmpty,
  timeout,
  timer,
} from 'rxjs';
import { fullJitter, type Backoff } from './backoff.ts';
import { encode } from './encode.ts';
import { PulseError } from './errors.ts';
import { keptOpen } from './kept-open.ts';
import { checkRoutingKey } from './routing-key.ts';
import type { Session } from './session.ts';
import { checkShortString } from './short-string.ts';
import type { PulseState } from './state.ts';
import { inTimerRange } from './timer-range.ts';
import type { TransportChannel, TransportConnection } from './transport.ts';

export interface PublishOptions {
  /** Further routing keys (`CC`): a queue bound to one of them gets the message under its primary key. */
  readonly routes?: readonly string[];
  readonly headers?: Readonly<Record<string, unknown>>;
  /** Until the broker has confirmed, in ms; waiting for a connection counts. 30 s by default. */
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 30_000;

/** The publishing half: its own connection, since a memory alarm blocks a connection that publishes as a whole. */
export class Publisher {
  readonly #session: Session;
  readonly #backoff: Backoff;
  /** The channel that messages share, which keeps their order. */
  readonly #channel$ = new BehaviorSubject<TransportChannel | undefined>(undefined);
  readonly #declared = new Set<string>();
  #lastTurn: Promise<unknown> = Promise.resolve();

  constructor(session: Session, backoff: Backoff) {
    this.#session = session;
    this.#backoff = backoff;
    session.connection$
      .pipe(switchMap(connection => (connection ? this.#channels(connection) : of(undefined))))
      .subscribe(this.#channel$);
  }

  get state$(): Observable<PulseState> {
    return this.#session.state$;
  }

  /**
   * Declares a topic exchange of one's own, `exchange/<user>/…`, now and again on each new channel.
   *
   * @throws PulseError `forbidden` for an exchange of somebody else, `mismatch` when it is of another kind
   */
  async declareExchange(name: string, deadlineMs = DEADLINE_MS): Promise<void> {
    checkShortString(name, 'exchange name');
    const declared$ = defer(() => this.#onOwnChannel(channel => channel.declareExchange(name)));
    const again = (error: PulseError, attempt: number) =>
      error.transient ? timer(fullJitter(attempt, this.#backoff)) : throwError(() => error);
    await this.#within(deadlineMs, declared$.pipe(retry({ delay: again })));
    this.#declared.add(name);
  }

  /**
   * Publishes one message, and settles once: when the broker has confirmed it, or with the reason why not.
   * Repeated while the connection comes and goes, so that it may arrive twice.
   *
   * @throws PulseError `invalid` before anything is sent, `forbidden` or `not-found` for the exchange, `mismatch` for
   *   a message larger than the broker takes, or `connection` when the deadline has passed without a confirmation
   */
  async publish(
    exchange: string,
    routingKey: string,
    body: unknown,
    options: PublishOptions = {},
  ): Promise<void> {
    const { routes = [], headers, deadlineMs = DEADLINE_MS } = options;
    checkShortString(exchange, 'exchange name');
    [routingKey, ...routes].forEach(checkRoutingKey);
    const content = encode(body);
    const properties = { routes, ...(headers && { headers }) };
    const send = (channel: TransportChannel) => channel.publish(exchange, routingKey, content, properties);

    // A channel dies as a whole of one bad message. Where the broker does not say of which, each that was under way
    // is tried by itself.
    let suspected = false;
    const sent$ = defer(() => (suspected ? this.#inTurn(send) : this.#onSharedChannel(send)));
    const again = (error: PulseError, attempt: number) => {
      if (!error.transient) {
        const blamed = /exchange '([^']+)'/.exec(error.message)?.[1];
        if (suspected || blamed === exchange || !isRefusal(error)) return throwError(() => error);
        suspected = blamed === undefined;
      }
      // Without a pause when the channel has gone, so that the order stays. Else the broker did not take this one.
      return this.#channel$.value ? timer(fullJitter(attempt, this.#backoff)) : of(0);
    };
    await this.#within(deadlineMs, sent$.pipe(retry({ delay: again })));
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  async #within(deadlineMs: number, work$: Observable<void>): Promise<void> {
    this.#session.start();
    const late = () => {
      const { trouble } = this.#session;
      const why = trouble === undefined ? '' : `: ${trouble}`;
      throw new PulseError('connection', `no confirmation from the broker before the deadline${why}`);
    };
    await lastValueFrom(work$.pipe(timeout({ first: inTimerRange(deadlineMs), with: late })));
  }

  #onSharedChannel(action: (channel: TransportChannel) => Promise<void>): Observable<void> {
    return live(this.#channel$).pipe(switchMap(action));
  }

  /** On a channel of its own, and one after the other: a thousand suspects are not a thousand channels. */
  #inTurn(action: (channel: TransportChannel) => Promise<void>): Observable<void> {
    return new Observable(subscriber => {
      const turn = this.#lastTurn.then(() =>
        subscriber.closed ? undefined : firstValueFrom(this.#onOwnChannel(action)),
      );
      this.#lastTurn = turn.catch(() => undefined);
      from(turn).subscribe(subscriber);
    });
  }

  #onOwnChannel(action: (channel: TransportChannel) => Promise<void>): Observable<void> {
    return live(this.#session.connection$).pipe(
      switchMap(async connection => {
        const channel = await connection.openChannel({ confirms: true });
        try {
          await action(channel);
        } finally {
          void channel.close();
        }
      }),
    );
  }

  /** A confirm channel for as long as the connection lives, opened again when one is lost. */
  #channels(connection: TransportConnection): Observable<TransportChannel> {
    const open = async () => {
      const channel = await connection.openChannel({ confirms: true });
      for (const name of this.#declared) {
        await channel.declareExchange(name).catch((error: PulseError) => {
          // Refused now: who publishes to it is told why. The other exchanges are still there.
          if (!error.transient) this.#declared.delete(name);
          throw error;
        });
      }
      return channel;
    };
    return keptOpen(open, (_, attempt) => {
      this.#channel$.next(undefined);
      return attempt === 1 ? of(0) : timer(fullJitter(attempt, this.#backoff));
    });
  }
}

/** Whether the broker said no, to this message or to another on its channel. */
function isRefusal({ kind }: PulseError): boolean {
  return kind === 'forbidden' || kind === 'not-found' || kind === 'mismatch';
}

/** The next one of something that comes and goes. */
function live<T>(source$: Observable<T | undefined>): Observable<T> {
  return source$.pipe(
    filter(present => present !== undefined),
    take(1),
    throwIfEmpty(() => new PulseError('closed', 'publishing was closed')),
  );
}
