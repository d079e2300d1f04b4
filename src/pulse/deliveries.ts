import { Observable } from 'rxjs';
import type { ConsumeOptions, ConsumerEvent } from './consume-options.ts';
import { Consumer } from './consumer.ts';
import { decode } from './decode.ts';
import { pulseMessage, type Outcome, type PulseMessage } from './message.ts';
import type { Delivery, QueueOptions, TransportChannel, TransportConnection } from './transport.ts';

const DEFAULT_PREFETCH = 10;
/** Pause between declarations of a paused queue, at most: an hour, however late it would expire. */
const MAX_RENEWAL_MS = 3_600_000;
/** How long a queue that would go with its last consumer waits for one that is paused. */
const PAUSE_EXPIRES_MS = 60_000;

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
  const { demand$, prefetch = DEFAULT_PREFETCH, onBadMessage = 'reject', bindings } = options;
  const queueOptions = demand$ ? pausable(options.queue.options) : options.queue.options;

  return new Observable(subscriber => {
    let consumer: Consumer | undefined;
    let renewal: NodeJS.Timeout | undefined;

    const receive = (delivery: Delivery) => {
      const settle = (outcome: Outcome) => {
        const inTime = consumer?.settle(delivery.deliveryTag, outcome) ?? false;
        if (!inTime) hooks.emit({ type: 'settled-late', routingKey: delivery.routingKey });
        return inTime;
      };
      const decoded = decode(delivery, bindings);
      if (decoded.ok) {
        subscriber.next(pulseMessage(delivery, decoded.body as T, settle));
        return;
      }
      hooks.emit({ type: 'bad-message', delivery, problems: decoded.problems });
      settle(onBadMessage);
    };

    const prepare = async (channel: TransportChannel) => {
      await channel.declareQueue(queue, queueOptions);
      for (const { exchange, pattern } of bindings) await channel.bindQueue(queue, exchange, pattern);
    };

    const start = async () => {
      const channel = await connection.openChannel({ confirms: false });
      try {
        await prepare(channel);
      } catch (error) {
        void channel.close();
        throw error;
      }
      if (subscriber.closed) {
        void channel.close();
        return;
      }
      consumer = new Consumer(channel, queue, demand$ ? { demand$ } : { prefetch }, receive, error => {
        subscriber.error(error);
      });
      hooks.onConsumer(consumer);
      await consumer.start();
      if (consumer.stopping) return;
      if (demand$) renewal = renewed(channel, queue, queueOptions);
      hooks.onConsuming();
    };
    start().catch((error: unknown) => {
      subscriber.error(error);
    });

    return () => {
      clearInterval(renewal);
      if (consumer && !consumer.stopped) hooks.background(consumer.abandon());
    };
  });
}

/** To the broker a paused consumer is none, and an auto-delete queue would go at the first pause. */
function pausable(options: QueueOptions): QueueOptions {
  if (!options.autoDelete) return options;
  return { ...options, autoDelete: false, expiresMs: options.expiresMs ?? PAUSE_EXPIRES_MS };
}

/** To the broker a paused consumer is none, and the queue's expiry runs: declaring it again renews its life. */
function renewed(
  channel: TransportChannel,
  queue: string,
  options: QueueOptions,
): NodeJS.Timeout | undefined {
  if (options.expiresMs === undefined) return undefined;
  return setInterval(
    () => {
      // A failure ends the channel, which is heard of there.
      channel.declareQueue(queue, options).catch(() => undefined);
    },
    Math.min(options.expiresMs / 4, MAX_RENEWAL_MS),
  );
}
