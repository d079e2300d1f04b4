import {
  defer,
  EMPTY,
  finalize,
  map,
  merge,
  NEVER,
  ReplaySubject,
  retry,
  Subject,
  switchMap,
  take,
  takeUntil,
  tap,
  throwError,
  timer,
} from 'rxjs';
import type { Observable } from 'rxjs';
import { fullJitter, type Backoff } from './backoff.ts';
import type { ConsumeOptions, ConsumerEvent } from './consume-options.ts';
import type { Consumer } from './consumer.ts';
import { deliveries } from './deliveries.ts';
import { PulseError } from './errors.ts';
import type { PulseMessage } from './message.ts';
import { checkRoutingKey } from './routing-key.ts';
import { checkShortString } from './short-string.ts';
import type { TransportConnection } from './transport.ts';

/** What a consumer needs of the connection it belongs to. */
export interface ConsumerContext {
  readonly connection$: Observable<TransportConnection | undefined>;
  readonly namespace: () => string;
  readonly backoff: Backoff;
  /** Asks every consumer to stop, as its own `until$` does, and those that come later too. */
  readonly drain$: Observable<unknown>;
  /** Told of work that goes on after a stream has ended, so that a close can wait for it. */
  readonly background: (work: Promise<unknown>) => void;
}

/** AMQP says a prefetch in 16 bits. */
const MAX_PREFETCH = 65_535;

/**
 * Messages of one queue, over as many connections as it takes. Cold: each subscription is its own consumer.
 *
 * Errors only with what another try would not mend (403, 404 of an exchange, 406), and then for this stream alone.
 *
 * @throws PulseError `invalid` for a prefetch outside 1..65,535 (without a bound the broker sends everything), and for
 *   a binding that does not fit a frame
 */
export function consume<T>(
  context: ConsumerContext,
  options: ConsumeOptions<T>,
): Observable<PulseMessage<T>> {
  checkPrefetch(options.prefetch);
  for (const { exchange, pattern } of options.bindings) {
    checkShortString(exchange, 'exchange name');
    checkRoutingKey(pattern);
  }

  return defer(() => {
    let consumer: Consumer | undefined;
    let consumedBefore = false;
    let consuming = false;
    // RxJS reports what a listener throws, as it does for a subscriber: it breaks nothing here.
    const events$ = new Subject<ConsumerEvent>();
    events$.subscribe(options.onEvent);
    const emit = (event: ConsumerEvent) => {
      events$.next(event);
    };
    const ended$ = new Subject<void>();
    const fail = (error: unknown) => {
      ended$.error(error);
    };

    const stop = async () => {
      const stopping = consumer;
      await stopping?.stop();
      ended$.next();
      await stopping?.drained;
    };
    const asking = merge(options.until$ ?? NEVER, context.drain$)
      .pipe(take(1))
      .subscribe({
        next: () => {
          context.background(stop());
        },
        error: fail,
      });

    // Listened to once: what it said last counts on the next connection too.
    const demand$ = options.demand$ && new ReplaySubject<number>(1);
    const demanding = options.demand$?.pipe(map(sayable)).subscribe({
      next: demand => demand$?.next(demand),
      error: fail,
    });
    asking.add(demanding);

    const again = (error: PulseError, attempt: number) => {
      if (!worthAnotherTry(error)) return throwError(() => error);
      consuming = false;
      emit({ type: 'interrupted', error });
      return timer(fullJitter(attempt, context.backoff));
    };

    const overConnection = (connection: TransportConnection) =>
      defer(() => {
        const queue = options.queue.nameFor(context.namespace());
        return deliveries(
          connection,
          queue,
          { ...options, demand$ },
          {
            emit,
            background: context.background,
            onConsumer: started => (consumer = started),
            onConsuming: () => {
              if (consumedBefore && options.queue.ephemeral) emit({ type: 'gap', queue });
              consumedBefore = consuming = true;
              emit({ type: 'consuming', queue });
            },
          },
        );
      }).pipe(retry({ delay: again, resetOnSuccess: true }));

    return context.connection$.pipe(
      tap(connection => {
        if (connection || !consuming) return;
        consuming = false;
        emit({ type: 'interrupted', error: new PulseError('connection', 'the connection was lost') });
      }),
      switchMap(connection => (connection ? overConnection(connection) : EMPTY)),
      takeUntil(ended$),
      finalize(() => {
        asking.unsubscribe();
      }),
    );
  });
}

/** A queue that went away under its consumer is declared again. An exchange that is missing stays missing. */
function worthAnotherTry(error: PulseError): boolean {
  return error.transient || (error.kind === 'not-found' && error.message.includes('no queue'));
}

/** The nearest whole number that AMQP can say; less than nothing is nothing. */
function sayable(demand: number): number {
  if (Number.isNaN(demand)) throw new PulseError('invalid', 'demand$ says NaN; it has to be a number');
  return Math.min(Math.max(0, Math.floor(demand)), MAX_PREFETCH);
}

function checkPrefetch(prefetch = 1): void {
  if (Number.isInteger(prefetch) && prefetch >= 1 && prefetch <= MAX_PREFETCH) return;
  throw new PulseError('invalid', `prefetch is ${prefetch}; it has to be a whole number from 1 to 65,535`);
}
