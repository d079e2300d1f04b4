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
import {
  MAX_PREFETCH,
  PULSE_GUARDIAN,
  type ConsumeOptions,
  type ConsumerEvent,
  type ConsumerWarning,
} from './consume-options.ts';
import { checkConsumeOptions, checkPrefetch } from './check-options.ts';
import { logEvent } from './event-log.ts';
import type { Log } from '../telemetry/log.ts';
import type { Consumer } from './consumer.ts';
import { deliveries, type DeliveryHooks } from './deliveries.ts';
import { PulseError } from '../errors.ts';
import { described } from '../options.ts';
import type { PulseMessage } from './message.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { TransportConnection } from '../transport/transport.ts';
import type { Held } from './unsettled.ts';
import { rememberQueue, requirementsOf, type Requirements } from './requirements.ts';

/** The parts of a connection that a consumer uses. */
export interface ConsumerContext {
  readonly connection$: Observable<TransportConnection | undefined>;
  readonly namespace: () => string;
  readonly backoff: Backoff;
  /** Stops every consumer, including later ones, as `until$` does for a single consumer. */
  readonly drain$: Observable<unknown>;
  /** Registers work that continues after a stream has ended, so that `close` can wait for it. */
  readonly background: (work: Promise<unknown>) => void;
  readonly republish: DeliveryHooks['republish'];
  readonly telemetry: Telemetry | undefined;
  readonly warn: (warning: ConsumerWarning) => void;
  readonly log: Log;
  /** The gauges of all subscribed consumers. */
  readonly gauges: Set<() => ConsumerGauge>;
}

/** The current state of a consumer. */
export interface ConsumerGauge extends Held {
  /** The queue's full name. Undefined before the first connection. */
  readonly queue: string | undefined;
  /** Whether each connection has its own queue. */
  readonly ephemeral: boolean;
  /** Whether the broker has confirmed the consumer (or it is paused) and its channel is open. */
  readonly consuming: boolean;
  /**
   * Number of messages in the queue at the last check (`watch.everyMs`), including unsettled ones. Undefined before
   * the first check, and if the queue's `maxLength` is below `watch.depth`.
   */
  readonly depth: number | undefined;
}

/**
 * The messages of one queue, across reconnects. The Observable is cold: each subscription is a separate consumer.
 *
 * It errors only if a retry would not help (403, 404 of an exchange, 406). Other consumers are not affected.
 *
 * @throws PulseError `invalid` for bad options; see {@link checkConsumeOptions}
 */
export function consume<T>(
  context: ConsumerContext,
  options: ConsumeOptions<T>,
): Observable<PulseMessage<T>> {
  checkConsumeOptions(options);

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
    // A Subject, so that RxJS reports an error that a listener throws.
    const events$ = new Subject<ConsumerEvent>();
    events$.subscribe(options.onEvent);
    const emit = (event: ConsumerEvent) => {
      events$.next(event);
      if (isWarning(event)) context.warn(event);
      logEvent(context.log, queueName, event);
    };
    const warnOfLength = (queue: string) => {
      const { maxLength = 0 } = options.queue.options;
      const { deletesAt: deletedAt } = PULSE_GUARDIAN;
      if (maxLength > deletedAt) emit({ type: 'max-length-too-high', queue, maxLength, deletedAt });
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

    // Subscribed once, so that the last value also applies to the next connection.
    const demand$ = options.demand$ && new ReplaySubject<number>(1);
    const demanding = options.demand$?.pipe(map(amqpNumber)).subscribe({
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
              if (!consumedBefore) warnOfLength(queue);
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

/** A deleted queue is declared again. A missing exchange can be declared only by its owner. */
function worthAnotherTry(error: PulseError): boolean {
  return error.transient || (error.kind === 'not-found' && error.message.includes('no queue'));
}

/** The nearest whole number that fits AMQP. A negative demand counts as 0. */
function amqpNumber(demand: number): number {
  if (typeof demand !== 'number' || Number.isNaN(demand)) {
    throw new PulseError(
      'invalid',
      `demand$ must emit numbers, not ${Number.isNaN(demand) ? 'NaN' : described(demand)}`,
    );
  }
  return Math.min(Math.max(0, Math.floor(demand)), MAX_PREFETCH);
}

function isWarning(event: ConsumerEvent): event is ConsumerWarning {
  return event.type === 'queue-long' || event.type === 'held-long' || event.type === 'max-length-too-high';
}
