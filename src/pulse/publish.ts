import { setTimeout as sleep } from 'node:timers/promises';
import {
  distinctUntilChanged,
  filter,
  firstValueFrom,
  Observable,
  of,
  shareReplay,
  switchMap,
  take,
  timeout,
} from 'rxjs';
import { fullJitter, type Backoff } from './backoff.ts';
import { PulseError } from './errors.ts';
import { checkRoutingKey } from './routing-key.ts';
import type { Session } from './session.ts';
import type { PulseState } from './state.ts';
import type { TransportChannel, TransportConnection } from './transport.ts';

export interface PublishOptions {
  /** Further routing keys (`CC`): a queue bound to one of them gets the message under its primary key. */
  readonly routes?: readonly string[];
  readonly headers?: Readonly<Record<string, unknown>>;
  /** Until the broker has confirmed, in ms; waiting for a connection counts. 30 s by default. */
  readonly deadlineMs?: number;
}

/** The publishing half: its own connection, since a memory alarm blocks a connection that publishes as a whole. */
export class Publisher {
  readonly #session: Session;
  readonly #backoff: Backoff;
  readonly #channel$: Observable<TransportChannel | undefined>;
  readonly #declared = new Set<string>();
  #closed = false;

  constructor(session: Session, backoff: Backoff) {
    this.#session = session;
    this.#backoff = backoff;
    this.#channel$ = session.connection$.pipe(
      distinctUntilChanged(),
      switchMap(connection => (connection ? this.#channels(connection) : of(undefined))),
      shareReplay({ bufferSize: 1, refCount: false }),
    );
  }

  get state$(): Observable<PulseState> {
    return this.#session.state$;
  }

  /**
   * Declares a topic exchange of one's own, `exchange/<user>/…`, now and again on each new channel.
   *
   * @throws PulseError `forbidden` for an exchange of somebody else, `mismatch` when it is of another kind
   */
  async declareExchange(name: string, deadlineMs = 30_000): Promise<void> {
    await this.#attempt(deadlineMs, channel => channel.declareExchange(name), name);
    this.#declared.add(name);
  }

  /**
   * Publishes one message, and settles once: when the broker has confirmed it, or with the reason why not.
   * Repeated while the connection comes and goes, so that it may arrive twice.
   *
   * @throws PulseError `invalid` before anything is sent, `forbidden` or `not-found` for the exchange, or
   *   `connection` when the deadline has passed without a confirmation
   */
  async publish(
    exchange: string,
    routingKey: string,
    body: unknown,
    options: PublishOptions = {},
  ): Promise<void> {
    const { routes = [], headers, deadlineMs = 30_000 } = options;
    [routingKey, ...routes].forEach(checkRoutingKey);
    const content = Buffer.from(JSON.stringify(body));
    const properties = { routes, ...(headers && { headers }) };
    await this.#attempt(
      deadlineMs,
      channel => channel.publish(exchange, routingKey, content, properties),
      exchange,
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#session.close();
  }

  async #attempt(
    deadlineMs: number,
    action: (channel: TransportChannel) => Promise<void>,
    exchange: string,
  ): Promise<void> {
    if (this.#closed) throw closed();
    this.#session.start();
    const end = performance.now() + deadlineMs;
    for (let attempt = 1; ; attempt++) {
      const leftMs = Math.max(1, end - performance.now());
      try {
        const channel = await this.#liveChannel(leftMs);
        await within(leftMs, action(channel));
        return;
      } catch (error) {
        const failure = this.#closed ? closed() : (error as PulseError);
        // A channel dies as a whole of one bad message; only the one whose exchange is named is to blame.
        const ours = !failure.transient && failure.message.includes(`'${exchange}'`);
        const final =
          ours || failure.kind === 'closed' || failure.kind === 'invalid' || performance.now() >= end;
        if (final || failure.kind === 'credentials' || failure.kind === 'vhost') throw failure;
        await sleep(fullJitter(attempt, this.#backoff));
      }
    }
  }

  async #liveChannel(withinMs: number): Promise<TransportChannel> {
    const live$ = this.#channel$.pipe(
      filter(channel => channel !== undefined),
      take(1),
      timeout({
        first: withinMs,
        with: () => {
          throw late();
        },
      }),
    );
    return firstValueFrom(live$, { defaultValue: undefined }).then(channel => {
      if (!channel) throw closed();
      return channel;
    });
  }

  /** A confirm channel for as long as the connection lives, opened again when one is lost. */
  #channels(connection: TransportConnection): Observable<TransportChannel | undefined> {
    return new Observable(subscriber => {
      const keepOpen = async () => {
        while (!subscriber.closed) {
          const channel = await connection.openChannel({ confirms: true });
          for (const name of this.#declared) await channel.declareExchange(name);
          subscriber.next(channel);
          await channel.closed;
          subscriber.next(undefined);
        }
      };
      // The connection is lost: the session says so, and brings the next.
      keepOpen().catch(() => {
        subscriber.next(undefined);
      });
    });
  }
}

function closed(): PulseError {
  return new PulseError('closed', 'publishing was closed');
}

function late(): PulseError {
  return new PulseError('connection', 'no confirmation from the broker before the deadline');
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  try {
    return await Promise.race([
      work,
      sleep(ms, undefined, { signal: timer.signal }).then(() => {
        throw late();
      }),
    ]);
  } finally {
    timer.abort();
  }
}
