import {
  NEVER,
  defer,
  finalize,
  merge,
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
import type { ConsumeOptions } from './consume-options.ts';
import type { Consumer } from './consumer.ts';
import { deliveries } from './deliveries.ts';
import { PulseError } from './errors.ts';
import type { PulseMessage } from './message.ts';
import type { TransportConnection } from './transport.ts';

/** What a consumer needs of the connection it belongs to. */
export interface ConsumerContext {
  readonly connection$: Observable<TransportConnection | undefined>;
  readonly namespace: () => string;
  readonly backoff: Backoff;
  /** Asks every consumer to stop, as its own `until$` does. */
  readonly drain$: Observable<unknown>;
  /** Told of work that goes on after a stream has ended, so that a close can wait for it. */
  readonly background: (work: Promise<unknown>) => void;
}

/**
 * Messages of one queue, over as many connections as it takes. Cold: each subscription is its own consumer.
 *
 * Errors only with what another try would not mend (403, 404 of an exchange, 406), and then for this stream alone.
 *
 * @throws PulseError `invalid` for a prefetch outside 1..65,535: without a bound the broker sends everything
 */
export function consume<T>(
  context: ConsumerContext,
  options: ConsumeOptions<T>,
): Observable<PulseMessage<T>> {
  checkPrefetch(options.prefetch);
  const emit = options.onEvent ?? (() => undefined);

  return defer(() => {
    let consumer: Consumer | undefined;
    let consumedBefore = false;
    let consuming = false;
    const stopped$ = new Subject<void>();

    const stopping = merge(options.until$ ?? NEVER, context.drain$)
      .pipe(take(1))
      .subscribe(() => {
        const stop = async () => {
          const stopping = consumer;
          await stopping?.stop();
          stopped$.next();
          await stopping?.drained;
        };
        context.background(stop());
      });

    const overConnection = (connection: TransportConnection) =>
      defer(() => {
        const queue = options.queue.nameFor(context.namespace());
        return deliveries(connection, queue, options, {
          emit,
          background: context.background,
          onConsumer: started => (consumer = started),
          onConsuming: () => {
            if (consumedBefore && options.queue.ephemeral) emit({ type: 'gap', queue });
            consumedBefore = consuming = true;
            emit({ type: 'consuming', queue });
          },
        });
      }).pipe(retry({ delay: (error: PulseError, attempt) => again(error, attempt), resetOnSuccess: true }));

    const again = (error: PulseError, attempt: number) => {
      if (!worthAnotherTry(error)) return throwError(() => error);
      consuming = false;
      emit({ type: 'interrupted', error });
      return timer(fullJitter(attempt, context.backoff));
    };

    return context.connection$.pipe(
      tap(connection => {
        if (connection || !consuming) return;
        consuming = false;
        emit({ type: 'interrupted', error: new PulseError('connection', 'the connection was lost') });
      }),
      switchMap(connection => (connection ? overConnection(connection) : NEVER)),
      takeUntil(stopped$),
      finalize(() => {
        stopping.unsubscribe();
      }),
    );
  });
}

/** A queue that went away under its consumer is declared again. An exchange that is missing stays missing. */
function worthAnotherTry(error: PulseError): boolean {
  return error.transient || (error.kind === 'not-found' && error.message.includes('no queue'));
}

function checkPrefetch(prefetch = 1): void {
  if (Number.isInteger(prefetch) && prefetch >= 1 && prefetch <= 65_535) return;
  throw new PulseError('invalid', `prefetch is ${prefetch}; it has to be a whole number from 1 to 65,535`);
}
