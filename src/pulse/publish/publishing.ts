import { randomBytes } from 'node:crypto';
import {
  defer,
  filter,
  lastValueFrom,
  of,
  retry,
  switchMap,
  take,
  throwError,
  throwIfEmpty,
  timeout,
  timer,
  type Observable,
} from 'rxjs';
import { inTimerRange, fullJitter, type Backoff } from '../../base/index.ts';
import { checkExchangeName } from '../topology/binding.ts';
import { bodyCheck, problemsOf } from '../body/body-check.ts';
import { checkDialect } from '../body/dialect.ts';
import { encodeBody } from '../body/encode.ts';
import { JsonText } from '../body/json-text.ts';
import { PulseError } from '../errors.ts';
import { keptOpen } from '../session/kept-open.ts';
import { Outbox } from './outbox.ts';
import { checkDeadline, checkedProperties, PUBLISH_OPTIONS } from './publish-limits.ts';
import { checkOptions } from '../options.ts';
import type { LargeBody, PublishBounds, PublisherOptions, PublishOptions } from './publish-options.ts';
import type { PublishGauge, PublishResult } from '../publish-result.ts';
import { checkRoutingKey } from '../transport/routing-key.ts';
import type { Session } from '../session/session.ts';
import type { PulseState } from '../session/state.ts';
import { errorText } from '../error-text.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Properties, TransportChannel, TransportConnection } from '../transport/transport.ts';

const DEADLINE_MS = 30_000;
/**
 * The longest pause before the channel is opened again. If a channel lives that long, the next loss causes no pause.
 * The pause is short because all messages wait for it, not only those to the exchange that caused the loss.
 */
const CHANNEL_PAUSE_MS = 1_000;
/** The limit that Pulse recommends. */
const LARGE_BYTES = 8 * 1024;
const NO_ROUTES: readonly string[] = [];

/** The publishing half. It has its own connection, because a memory alarm blocks a publishing connection completely. */
export class Publishing {
  readonly #session: Session;
  readonly #backoff: Backoff;
  readonly #outbox: Outbox;
  readonly #warn: (warning: LargeBody) => void;
  readonly #telemetry: Telemetry | undefined;
  readonly #declared = new Set<string>();
  /** Makes message ids unique among processes. */
  readonly #idPrefix = randomBytes(8).toString('hex');
  #ids = 0;

  constructor(
    session: Session,
    backoff: Backoff,
    bounds: Partial<PublishBounds> = {},
    warn: (warning: LargeBody) => void = () => undefined,
    telemetry?: Telemetry,
  ) {
    this.#telemetry = telemetry;
    this.#session = session;
    this.#backoff = backoff;
    this.#warn = warn;
    this.#outbox = new Outbox(bounds, () => session.problem);
    session.state$.subscribe(({ name }) => {
      this.#outbox.hold(name === 'blocked');
    });
    session.connection$
      .pipe(switchMap(connection => (connection ? this.#channels(connection) : of(undefined))))
      .subscribe({
        next: channel => {
          if (channel) this.#outbox.open(channel);
          else this.#outbox.lost();
        },
        error: (error: PulseError) => {
          this.#outbox.end(error);
        },
        complete: () => {
          this.#outbox.end(new PulseError('closed', 'publishing was closed'));
        },
      });
  }

  get state$(): Observable<PulseState> {
    return this.#session.state$;
  }

  get gauge(): PublishGauge {
    return this.#outbox.gauge;
  }

  /** Resolves when nothing is being published. */
  idle(): Promise<void> {
    return this.#outbox.idle();
  }

  /**
   * Declares a topic exchange of the user, `exchange/<user>/…`: now, and again on each new channel.
   *
   * @throws PulseError `forbidden` for another user's exchange, `mismatch` if it exists with a different type
   */
  async declareExchange(name: string, deadlineMs = DEADLINE_MS): Promise<void> {
    checkExchangeName(name);
    const declared$ = defer(() => this.#onOwnChannel(channel => channel.declareExchange(name)));
    const again = (error: PulseError, attempt: number) =>
      error.transient ? timer(fullJitter(attempt, this.#backoff)) : throwError(() => error);
    this.#session.start();
    const late = () => {
      const { problem } = this.#session;
      const why = problem === undefined ? '' : `: ${problem}`;
      throw new PulseError('connection', `no confirmation from the broker before the deadline${why}`);
    };
    const work$ = declared$.pipe(retry({ delay: again }));
    await lastValueFrom(work$.pipe(timeout({ first: inTimerRange(deadlineMs), with: late })));
    this.#declared.add(name);
  }

  /**
   * Publishes one message and returns the result. The message is sent again after a lost connection, so it may arrive
   * twice. Messages of one process arrive in the order of the calls. Never rejects.
   */
  send(
    exchange: string,
    routingKey: string,
    body: unknown,
    options: PublishOptions & PublisherOptions = {},
  ): Promise<PublishResult> {
    let content: Buffer;
    let routes: readonly string[];
    let deadlineMs: number;
    try {
      checkOptions('publish', options, PUBLISH_OPTIONS);
      // A copy, because the caller may change the list before the message is sent.
      routes = options.routes ? [...options.routes] : NO_ROUTES;
      deadlineMs = options.deadlineMs ?? DEADLINE_MS;
      const { dialect = 'bare', schema } = options;
      checkDialect('publish', dialect);
      checkExchangeName(exchange);
      checkRoutingKey(routingKey);
      routes.forEach(checkRoutingKey);
      checkDeadline(deadlineMs);
      if (schema) refuseBad(problemsOf(bodyCheck(schema), valueOf(body)), exchange, routingKey);
      content = encodeBody(dialect, body, exchange, routingKey);
    } catch (error) {
      const refused = { status: 'refused', error: refusalOf(error) } as const;
      this.#telemetry?.notSent(exchange, refused);
      return Promise.resolve(refused);
    }
    const { headers, mandatory, signal } = options;
    const bytes = content.byteLength;
    if (bytes > LARGE_BYTES) this.#warn({ type: 'large-body', exchange, routingKey, bytes });
    const messageId = options.messageId ?? (mandatory ? `${this.#idPrefix}-${++this.#ids}` : undefined);
    const post = (carried?: Readonly<Record<string, string>>) => {
      const all = carried ? { ...headers, ...carried } : headers;
      const properties: Properties = { routes, headers: all, messageId, mandatory };
      return this.sendBytes(exchange, routingKey, content, properties, deadlineMs, signal);
    };
    return this.#telemetry ? this.#telemetry.sending({ exchange, routingKey, bytes }, post) : post();
  }

  /** Like {@link send}, for a body that is already encoded. */
  sendBytes(
    exchange: string,
    routingKey: string,
    content: Uint8Array,
    given: Properties,
    deadlineMs = DEADLINE_MS,
    signal?: AbortSignal,
  ): Promise<PublishResult> {
    let properties: Properties;
    try {
      properties = checkedProperties(given);
    } catch (error) {
      return Promise.resolve({ status: 'refused', error: error as PulseError });
    }
    this.#session.start();
    return new Promise(settle => {
      this.#outbox.post({ exchange, routingKey, content, properties, deadlineMs, signal, settle });
    });
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  /** Runs an action on a separate channel, so that a refusal affects nothing else. */
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

  /** Keeps a confirm channel open while the connection lives, and emits each new channel. */
  #channels(connection: TransportConnection): Observable<TransportChannel> {
    const open = async () => {
      const channel = await connection.openChannel({ confirms: true });
      for (const name of this.#declared) {
        await channel.declareExchange(name).catch((error: PulseError) => {
          // If it is refused now, publishing to it fails with the reason. The other exchanges remain usable.
          if (!error.transient) this.#declared.delete(name);
          throw error;
        });
      }
      return channel;
    };
    const { baseMs, capMs } = this.#backoff;
    const pauses = { baseMs, capMs: Math.min(capMs, CHANNEL_PAUSE_MS) };
    return keptOpen(open, pauses.capMs, (error, attempt) => {
      this.#outbox.lost(error);
      return attempt === 1 ? of(0) : timer(fullJitter(attempt - 1, pauses));
    });
  }
}

function valueOf(body: unknown): unknown {
  return body instanceof JsonText ? body.value : body;
}

function refuseBad(problems: readonly string[], exchange: string, routingKey: string): void {
  if (problems.length === 0) return;
  throw new PulseError('invalid', `the body of ${routingKey} of ${exchange} is bad: ${problems.join('; ')}`);
}

/** Turns any thrown value into a PulseError. A custom check or invalid options may throw anything. */
function refusalOf(error: unknown): PulseError {
  if (error instanceof PulseError) return error;
  return new PulseError('invalid', `the message could not be checked: ${errorText(error)}`, { cause: error });
}

/** Emits the next value that is not undefined, and completes. */
function live<T>(source$: Observable<T | undefined>): Observable<T> {
  return source$.pipe(
    filter(present => present !== undefined),
    take(1),
    throwIfEmpty(() => new PulseError('closed', 'publishing was closed')),
  );
}
