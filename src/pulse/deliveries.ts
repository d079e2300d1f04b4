import { Observable } from 'rxjs';
import type { ConsumeOptions, ConsumerEvent } from './consume-options.ts';
import { Consumer } from './consumer.ts';
import { decode } from './decode.ts';
import { PulseError } from './errors.ts';
import { pulseMessage, type Outcome, type PulseMessage } from './message.ts';
import type { Delivery, TransportChannel, TransportConnection } from './transport.ts';

const DEFAULT_PREFETCH = 10;
/** Pause between declarations of a paused queue, at most: an hour, however late it would expire. */
const MAX_RENEWAL_MS = 3_600_000;

export interface DeliveryHooks {
  readonly emit: (event: ConsumerEvent) => void;
  /** Told of the consumer as soon as there is one. */
  readonly onConsumer: (consumer: Consumer) => void;
  /** Told when the broker has confirmed the consumer. */
  readonly onConsuming: () => void;
  readonly background: (work: Promise<unknown>) => void;
}

/**
 * The messages of one queue over one connection: opens a channel, declares, binds, consumes.
 *
 * Errors when any of that fails or the channel ends. Unsubscribing closes the channel, and so requeues what is
 * unsettled, unless the consumer was stopped before: then it stays for the messages that are still held.
 */
export function deliveries<T>(
  connection: TransportConnection,
  queue: string,
  options: ConsumeOptions<T>,
  hooks: DeliveryHooks,
): Observable<PulseMessage<T>> {
  return new Observable(subscriber => {
    let consumer: Consumer | undefined;
    let renewal: NodeJS.Timeout | undefined;

    const receive = (delivery: Delivery) => {
      const settle = (outcome: Outcome) => {
        const inTime = consumer?.settle(delivery.deliveryTag, outcome) ?? false;
        if (!inTime) hooks.emit({ type: 'settled-late', routingKey: delivery.routingKey });
        return inTime;
      };
      const decoded = decode(delivery, options.bindings);
      if (decoded.ok) {
        subscriber.next(pulseMessage(delivery, decoded.body as T, settle));
        return;
      }
      hooks.emit({ type: 'bad-message', delivery, problems: decoded.problems });
      settle(options.onBadMessage ?? 'reject');
    };

    const start = async (channel: TransportChannel) => {
      await declare(channel, queue, options);
      consumer = new Consumer(
        channel,
        queue,
        options.demand$ ? { demand$: options.demand$ } : { prefetch: options.prefetch ?? DEFAULT_PREFETCH },
        receive,
        error => {
          subscriber.error(
            error ?? new PulseError('connection', `the broker ended the consumer of ${queue}`),
          );
        },
      );
      hooks.onConsumer(consumer);
      await consumer.start();
      renewal = renewed(channel, queue, options);
      hooks.onConsuming();
    };

    void (async () => {
      const channel = await connection.openChannel({ confirms: false });
      try {
        if (!subscriber.closed) await start(channel);
      } finally {
        if (subscriber.closed && !consumer?.stopped) await channel.close();
      }
    })().catch((error: unknown) => {
      subscriber.error(error);
    });

    return () => {
      clearInterval(renewal);
      if (consumer && !consumer.stopped) hooks.background(consumer.abandon());
    };
  });
}

async function declare<T>(
  channel: TransportChannel,
  queue: string,
  options: ConsumeOptions<T>,
): Promise<void> {
  await channel.declareQueue(queue, options.queue.options);
  for (const { exchange, pattern } of options.bindings) await channel.bindQueue(queue, exchange, pattern);
}

/** To the broker a paused consumer is none, and the queue's expiry runs: declaring it again renews its life. */
function renewed<T>(
  channel: TransportChannel,
  queue: string,
  { demand$, queue: { options } }: ConsumeOptions<T>,
): NodeJS.Timeout | undefined {
  if (!demand$ || options.expiresMs === undefined) return undefined;
  const everyMs = Math.min(options.expiresMs / 4, MAX_RENEWAL_MS);
  return setInterval(() => {
    // A failure ends the channel, which is heard of there.
    channel.declareQueue(queue, options).catch(() => undefined);
  }, everyMs);
}
