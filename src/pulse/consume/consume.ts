import {
  defer,
  EMPTY,
  finalize,
  map,
  merge,
  NEVER,
  Observable,
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
import { fullJitter, type Backoff } from '../../base/index.ts';
import { FailuresInARow } from '../session/backoff.ts';
import { checkExchangeName } from '../topology/binding.ts';
import {
  MAX_PREFETCH,
  type ConsumeOptions,
  type ConsumerEvent,
  type HeldLong,
  type QueueLong,
} from './consume-options.ts';
import type { Consumer } from './consumer.ts';
import { deliveries, type DeliveryHooks } from './deliveries.ts';
import { PulseError } from '../errors.ts';
import type { PulseMessage } from './message.ts';
import { checkRoutingKey } from '../transport/routing-key.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { TransportConnection } from '../transport/transport.ts';
import type { Held } from './unsettled.ts';
import { rememberQueue, requirementsOf, type Requirements } from './requirements.ts';

/** What a consumer needs of the connection it belongs to. */
export interface ConsumerContext {
  readonly connection$: Observable<TransportConnection | undefined>;
  readonly namespace: () => string;
  readonly backoff: Backoff;
  /** Asks every consumer to stop, as its own `until$` does, and those that come later too. */
  readonly drain$: Observable<unknown>;
  /** Told of work that goes on after a stream has ended, so that a close can wait for it. */
  readonly background: (work: Promise<unknown>) => void;
  readonly republish: DeliveryHooks['republish'];
  readonly telemetry: Telemetry | undefined;
  readonly warn: (warning: QueueLong | HeldLong) => void;
  /** Every consumer that is subscribed, to be looked at. */
  readonly gauges: Set<() => ConsumerGauge>;
}

/** A consumer at a moment. */
export interface ConsumerGauge extends Held {
  /** The queue's full name; undefined before the first connection. */
  readonly queue: string | undefined;
  /** Whether the queue is another one on each connection. */
  readonly ephemeral: boolean;
  /** Whether the broker has confirmed it (or it is paused), and its channel lives. */
  readonly consuming: boolean;
  /**
   * How many messages its queue had at the last look (`watch.everyMs`), those that are held included. Undefined before the
   * first look, and where a queue cannot grow to the length that is warned of.
   */
  readonly depth: number | undefined;
}

/**
 * Messages of one queue, over as many connections as it takes. Cold: each subscription is its own consumer.
 *
 * Errors only with what another try would not mend (403, 404 of an exchange, 406), and then for this stream alone.
 *
 * @throws PulseError `invalid` for a prefetch outside 1..65,535 (without a bound the broker sends everything), for a
 *   `maxBodyBytes` below 1, and for a binding that does not fit a frame
 */
export function consume<T>(
  context: ConsumerContext,
  options: ConsumeOptions<T>,
): Observable<PulseMessage<T>> {
  checkPrefetch(options.prefetch);
  checkMaxBodyBytes(options.maxBodyBytes);
  for (const { exchange, pattern } of options.bindings) {
    checkExchangeName(exchange);
    checkRoutingKey(pattern);
  }
  if (options.demand$ && (options.prefetch !== undefined || options.paused$)) {
    throw new PulseError('invalid', 'demand$ stands instead of prefetch and paused$: a demand of 0 pauses');
  }

  const consumed = (requirements: Requirements | undefined) => {
    if (requirements?.accepts(options.queue) === false) return NEVER;
    const { prefetch = options.demand$ ? undefined : requirements?.prefetch } = options;
    checkPrefetch(prefetch);
    const onBadMessage = requirements?.onBadMessage ?? options.onBadMessage;
    let consumer: Consumer | undefined;
    let queueName: string | undefined;
    let consumedBefore = false;
    let consuming = false;
    let depth: number | undefined;
    // RxJS reports what a listener throws, as it does for a subscriber: it breaks nothing here.
    const events$ = new Subject<ConsumerEvent>();
    events$.subscribe(options.onEvent);
    const emit = (event: ConsumerEvent) => {
      events$.next(event);
      if (event.type === 'queue-long' || event.type === 'held-long') context.warn(event);
    };
    const gauge = (): ConsumerGauge => ({
      queue: queueName,
      ephemeral: options.queue.ephemeral,
      consuming,
      depth,
      ...(consumer?.held ?? { count: 0, oldestMs: 0 }),
    });
    context.gauges.add(gauge);
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
    const paused$ = options.paused$ && new ReplaySubject<boolean>(1);
    const pausing = options.paused$?.subscribe({
      next: paused => paused$?.next(paused),
      error: fail,
    });
    asking.add(pausing);

    const again = (error: PulseError, attempt: number) => {
      if (!worthAnotherTry(error)) return throwError(() => error);
      consuming = false;
      emit({ type: 'interrupted', error });
      return timer(fullJitter(attempt, context.backoff));
    };

    const overConnection = (connection: TransportConnection) => {
      const failures = new FailuresInARow(context.backoff.capMs);
      return defer(() => {
        const namespace = context.namespace();
        const queue = options.queue.nameFor(namespace);
        queueName = queue;
        return deliveries(
          connection,
          queue,
          namespace,
          { ...options, demand$, paused$, prefetch, onBadMessage },
          {
            emit,
            requirements,
            telemetry: context.telemetry,
            background: context.background,
            republish: context.republish,
            onConsumer: started => (consumer = started),
            onDepth: messages => (depth = messages),
            onBound: () => {
              if (!consumedBefore || !options.queue.ephemeral) return;
              depth = undefined;
              emit({ type: 'gap', queue });
            },
            onConsuming: () => {
              consumedBefore = consuming = true;
              failures.opened();
              emit({ type: 'consuming', queue });
            },
          },
        );
      }).pipe(retry({ delay: (error: PulseError) => again(error, failures.failed()) }));
    };

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
        context.gauges.delete(gauge);
      }),
    );
  };
  const messages$ = new Observable<PulseMessage<T>>(subscriber =>
    consumed(requirementsOf(subscriber)).subscribe(subscriber),
  );
  return rememberQueue(messages$, options.queue);
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

function checkMaxBodyBytes(maxBodyBytes = 1): void {
  if (maxBodyBytes >= 1) return;
  throw new PulseError('invalid', `maxBodyBytes is ${maxBodyBytes}; it has to be at least 1`);
}

function checkPrefetch(prefetch = 1): void {
  if (Number.isInteger(prefetch) && prefetch >= 1 && prefetch <= MAX_PREFETCH) return;
  throw new PulseError('invalid', `prefetch is ${prefetch}; it has to be a whole number from 1 to 65,535`);
}
