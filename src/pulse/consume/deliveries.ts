import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { Observable } from 'rxjs';
import {
  asPublished,
  copyKey,
  retriedProperties,
  retryExchange,
  retryPattern,
} from '../topology/attempts.ts';
import { BindingTable } from '../topology/binding-table.ts';
import type { ConsumeOptions, ConsumerEvent } from './consume-options.ts';
import { Consumer } from './consumer.ts';
import { decode } from './decode.ts';
import type { PulseError } from '../errors.ts';
import { isSettlement } from './check-options.ts';
import { DeliveredMessage, type Origin, type PulseMessage } from './message.ts';
import { RequeueLater } from './requeue-later.ts';
import { keepFromExpiring, checkIntervalMs, prepare, queuesOf } from '../topology/topology.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Delivery, Properties, TransportChannel, TransportConnection } from '../transport/transport.ts';
import { PendingWork } from '../session/pending-work.ts';
import { WATCH, monitorQueue } from './queue-monitor.ts';
import type { Requirements } from './requirements.ts';

const DEFAULT_PREFETCH = 10;
/**
 * How long an unsubscribed stream waits for copies that are on their way, in ms. Closing the channel now would
 * requeue the originals as well.
 */
const COPIES_MS = 5_000;

export interface DeliveryHooks {
  readonly telemetry: Telemetry | undefined;
  readonly emit: (event: ConsumerEvent) => void;
  /** The requirements of the `handle` that subscribed to the consumer. */
  readonly requirements: Requirements | undefined;
  /** Receives the consumer as soon as it exists. */
  readonly onConsumer: (consumer: Consumer) => void;
  /** Receives the queue's length after each check. */
  readonly onDepth: (messages: number) => void;
  /** Called when the queue is declared and bound, before the consumer starts. */
  readonly onBound: () => void;
  /** Called when the broker has confirmed the consumer. */
  readonly onConsuming: () => void;
  readonly background: (work: Promise<unknown>) => void;
  /** Publishes bytes unchanged to an exchange of the user, which it declares. Returns whether the broker has them. */
  readonly republish: (
    exchange: string,
    routingKey: string,
    content: Uint8Array,
    properties: Properties,
  ) => Promise<boolean>;
}

/**
 * The messages of one queue over one connection. Opens a channel, declares and binds the queue, and consumes it.
 *
 * Errors if any of that fails or the channel ends. Unsubscribing closes the channel, so the broker requeues unsettled
 * messages. If the consumer was stopped before, the channel stays open until the held messages are settled.
 */
export function deliveries<T>(
  connection: TransportConnection,
  queue: string,
  namespace: string,
  options: ConsumeOptions<T>,
  hooks: DeliveryHooks,
): Observable<PulseMessage<T>> {
  const { demand$, paused$, prefetch = DEFAULT_PREFETCH, priority } = options;
  const { onBadMessage = 'reject', bindings } = options;
  const queues = queuesOf(options.queue, namespace, queue, demand$ !== undefined || paused$ !== undefined);
  const [own, ...others] = queues;
  const retries = retryExchange(namespace);

  return new Observable(subscriber => {
    let consumer: Consumer | undefined;
    let stopChecks: (() => void) | undefined;
    const table = new BindingTable(bindings);
    const lost = new Set<() => void>();

    const settled = (inTime: boolean, { routingKey }: Delivery) => {
      if (!inTime) hooks.emit({ type: 'settled-late', routingKey });
      return inTime;
    };
    /** Binds the queue to the retry exchange. Done only when the first message has to be published again. */
    let retryBinding: Promise<unknown> | undefined;
    const republish: Origin['republish'] = async (delivery, failed) => {
      const properties = retriedProperties(delivery, failed);
      // On a separate channel, so that a refusal does not end the consumer.
      retryBinding ??= onOwnChannel(connection, async side => {
        await side.declareExchange(retries);
        await side.bindQueue(queue, retries, retryPattern(queue));
      });
      try {
        await retryBinding;
      } catch {
        retryBinding = undefined;
        return false;
      }
      const counted = await hooks.republish(retries, copyKey(queue), delivery.content, properties);
      if (!counted) retryBinding = undefined;
      return counted;
    };
    const copies = new PendingWork();
    const origin: Origin = {
      queue,
      spec: options.queue,
      table,
      telemetry: hooks.telemetry,
      requirements: hooks.requirements,
      settle: (delivery, settlement) => {
        const dies = settlement === 'reject' && options.queue.deadLetter !== undefined;
        const said = dies && delivery.breaksDeadLetters ? 'ack' : settlement;
        return settled(consumer?.settle(delivery.deliveryTag, said) ?? false, delivery);
      },
      republish: (delivery, failed) => copies.add(republish(delivery, failed)),
      excludeFromPrefetch: ({ deliveryTag }, excluded) =>
        consumer?.excludeFromPrefetch(deliveryTag, excluded) ?? true,
      get lost() {
        return channelLost;
      },
      onLost: told => {
        if (channelLost) told();
        else lost.add(told);
        return () => lost.delete(told);
      },
    };
    let channelLost = false;
    const later = new RequeueLater(({ deliveryTag }) => consumer?.settle(deliveryTag, 'requeue'));

    const consumed = { name: queue, ephemeral: options.queue.ephemeral };
    const receive = (raw: Delivery) => {
      const delivery = asPublished(raw, retries);
      const decoded = decode(delivery, table, options.maxBodyBytes);
      if (decoded.ok) {
        const { body, meta, bindings: found } = decoded;
        hooks.telemetry?.delivered(consumed);
        subscriber.next(new DeliveredMessage(delivery, origin, body as T, meta, found));
        return;
      }
      const { problems } = decoded;
      hooks.telemetry?.delivered(consumed, 'bad-message');
      hooks.emit({ type: 'bad-message', delivery, problems });
      const outcome = settlementOfBad(onBadMessage, delivery, problems);
      if (outcome !== 'requeue') {
        origin.settle(delivery, outcome);
        return;
      }
      // A bad body stays bad, so requeuing it at once would only cause a loop.
      consumer?.excludeFromPrefetch(delivery.deliveryTag, true);
      later.add(delivery);
    };

    const aside = (work: (side: TransportChannel) => Promise<void>) => onOwnChannel(connection, work);
    const unbind = (exchange: string, pattern: string) =>
      aside(side => side.unbindQueue(queue, exchange, pattern)).catch((error: PulseError) => {
        // If the exchange no longer exists, neither does the binding.
        if (error.kind !== 'not-found') throw error;
      });

    const start = async () => {
      const channel = await connection.openChannel({ confirms: false });
      if (options.queue.ephemeral) {
        // The broker deletes the queue when its consumer ends. If there was no consumer, the queue would stay bound
        // and fill up for as long as the connection lasts.
        void channel.closed.then(() => aside(side => side.deleteQueue(queue))).catch(() => undefined);
      }
      try {
        await prepare(channel, queues, options, namespace, hooks.emit, unbind);
      } catch (error) {
        void channel.close();
        throw error;
      }
      if (subscriber.closed) {
        void channel.close();
        return;
      }
      void channel.closed.then(() => {
        channelLost = true;
        later.forget();
        for (const told of lost) told();
        lost.clear();
      });
      const flow = { ...(demand$ ? { demand$ } : { prefetch, paused$ }), priority };
      consumer = new Consumer(channel, queue, flow, receive, error => {
        subscriber.error(error);
      });
      hooks.onConsumer(consumer);
      hooks.onBound();
      await consumer.start();
      if (consumer.stopping) return;
      const watch = { ...WATCH, ...options.watch };
      const mayGrow = (own.options.maxLength ?? Infinity) >= watch.depth;
      const stopMonitor = monitorQueue(
        { channel, consumer, queue, mayGrow },
        watch,
        hooks.emit,
        hooks.onDepth,
      );
      // The depth check also shows that the queue exists, and keeps a classic queue from expiring.
      const isSeen = mayGrow && !own.options.quorum && watch.everyMs <= checkIntervalMs(own.options);
      const mayBeAlone = (demand$ !== undefined || paused$ !== undefined) && !isSeen;
      const stopKeeping = keepFromExpiring(channel, mayBeAlone ? queues : others, aside);
      stopChecks = () => {
        stopKeeping();
        stopMonitor();
      };
      hooks.onConsuming();
    };
    start().catch((error: unknown) => {
      subscriber.error(error);
    });

    return () => {
      stopChecks?.();
      later.flush();
      if (consumer && !consumer.stopped) hooks.background(abandoned(consumer, copies));
    };
  });
}

/** Waits for copies that are on their way, so that their originals are not requeued, and then abandons the consumer. */
async function abandoned(consumer: Consumer, copies: PendingWork): Promise<void> {
  if (copies.size > 0) {
    await consumer.stop();
    await Promise.race([copies.settled(), sleep(COPIES_MS, undefined, { ref: false })]);
    // Lets the code that waited for the last copy acknowledge its original.
    await setImmediate();
  }
  await consumer.abandon();
}

function settlementOfBad(
  policy: NonNullable<ConsumeOptions<unknown>['onBadMessage']>,
  delivery: Delivery,
  problems: readonly string[],
) {
  if (typeof policy !== 'function') return policy;
  try {
    const settlement: unknown = policy(delivery, problems);
    return isSettlement(settlement) ? settlement : 'reject';
  } catch {
    // If the function throws or returns something else, the default applies.
    return 'reject';
  }
}

async function onOwnChannel(
  connection: TransportConnection,
  work: (channel: TransportChannel) => Promise<void>,
): Promise<void> {
  const channel = await connection.openChannel({ confirms: false });
  try {
    await work(channel);
  } finally {
    void channel.close();
  }
}
