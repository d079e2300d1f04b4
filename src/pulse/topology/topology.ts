import { retryExchange } from './attempts.ts';
import type { BindingKey } from './binding.ts';
import type { QueueSpec } from './queue.ts';
import type { QueueOptions, TransportChannel } from '../transport/transport.ts';

/** The longest interval between checks of a queue that this process does not consume. */
const MAX_LOOK_MS = 60_000;
/** How long an auto-delete queue is kept while its consumer is paused, in ms. */
const PAUSE_EXPIRES_MS = 60_000;

/**
 * Bindings that an earlier version of a consumer may have left, or a function that looks them up by the queue's full
 * name.
 */
export type PreviousBindings =
  readonly BindingKey[] | ((queue: string) => Promise<readonly BindingKey[]> | readonly BindingKey[]);

/** The current and the earlier bindings of a consumer's queue. */
export interface QueueBindings {
  readonly bindings: readonly BindingKey[];
  readonly previousBindings?: PreviousBindings | undefined;
}

/** An event about a queue's earlier bindings. `ConsumerEvent` includes it. */
export type TopologyEvent =
  /** An earlier binding was removed from the queue. */
  | { readonly type: 'unbound'; readonly queue: string; readonly binding: BindingKey }
  /** The queue's earlier bindings could not be looked up. Consuming continues. */
  | { readonly type: 'not-reconciled'; readonly queue: string; readonly error: unknown };

/** A queue as it is declared on one connection. */
export interface Declared {
  readonly name: string;
  readonly options: QueueOptions;
}

/**
 * Returns the queues that a consumer declares, its own queue first.
 *
 * @param pausable whether the consumer can pause. The broker does not see a paused consumer, and would delete an
 *   auto-delete queue at the first pause, so the queue gets an expiry instead.
 */
export function queuesOf(
  spec: QueueSpec,
  namespace: string,
  name: string,
  pausable: boolean,
): [Declared, ...Declared[]] {
  const { deadLetter } = spec;
  const { autoDelete, expiresMs } = spec.options;
  const options: QueueOptions = {
    ...spec.options,
    ...(pausable && autoDelete && { autoDelete: false, expiresMs: expiresMs ?? PAUSE_EXPIRES_MS }),
    ...(deadLetter && { deadLetterExchange: deadLetter.exchangeFor(namespace) }),
  };
  if (!deadLetter) return [{ name, options }];
  const { queue } = deadLetter;
  return [
    { name, options },
    { name: queue.nameFor(namespace), options: queue.options },
  ];
}

/**
 * Declares the queues of a consumer, makes its bindings, and removes earlier bindings.
 *
 * @param unbind removes one binding on a separate channel, because a missing exchange must not prevent consuming
 */
export async function prepare(
  channel: TransportChannel,
  [queue, dead]: readonly [Declared, ...Declared[]],
  { bindings, previousBindings }: QueueBindings,
  namespace: string,
  emit: (event: TopologyEvent) => void,
  unbind: (exchange: string, pattern: string) => Promise<void>,
): Promise<void> {
  const { deadLetterExchange } = queue.options;
  if (dead && deadLetterExchange !== undefined) {
    await channel.declareExchange(deadLetterExchange);
    await channel.declareQueue(dead.name, dead.options);
    await channel.bindQueue(dead.name, deadLetterExchange, '#');
  }
  await channel.declareQueue(queue.name, queue.options);
  for (const { exchange, pattern } of bindings) await channel.bindQueue(queue.name, exchange, pattern);
  if (!previousBindings) return;

  let previous: readonly BindingKey[];
  try {
    const known =
      typeof previousBindings === 'function' ? await previousBindings(queue.name) : previousBindings;
    previous = known.map(({ exchange, pattern }) => ({ exchange, pattern }));
  } catch (error) {
    emit({ type: 'not-reconciled', queue: queue.name, error });
    return;
  }
  for (const binding of previous) {
    const { exchange, pattern } = binding;
    const asked = bindings.some(wanted => wanted.exchange === exchange && wanted.pattern === pattern);
    // Every queue is bound to the default exchange, and this one may be bound to the retry exchange.
    if (asked || exchange === '' || exchange === retryExchange(namespace)) continue;
    await unbind(exchange, pattern);
    emit({ type: 'unbound', queue: queue.name, binding: { exchange, pattern } });
  }
}

/**
 * Regularly checks queues that this process does not consume, so that they do not expire: every minute, or four times
 * within their expiry time. Returns a function that stops the checks.
 *
 * The broker does not see a paused consumer, and so does not notify it when the queue is deleted. If a check does not
 * find the queue, the channel ends, and the consumer starts again: it declares and binds the queue and emits its
 * events. The check itself declares nothing, because a queue that is only declared has no bindings and receives
 * nothing.
 *
 * A check of a classic queue (a passive `queue.declare`) counts as use, like a declaration, so the queue does not
 * expire. A quorum queue is used only by consumers and `basic.get` (tested with 3.10.8; for 4.x, according to its
 * source). It expires even if it is declared again and again, so it is consumed for a moment.
 *
 * @param aside runs work on a separate channel
 */
export function keepFromExpiring(
  channel: TransportChannel,
  queues: readonly Declared[],
  aside: (work: (side: TransportChannel) => Promise<void>) => Promise<void>,
): () => void {
  const looking = queues.map(({ name, options }) => {
    const { expiresMs = Infinity, quorum } = options;
    let usedAt = performance.now();
    const look = async () => {
      const { consumers } = await channel.checkQueue(name);
      const now = performance.now();
      const isUsed = consumers > 0;
      if (!isUsed && now - usedAt < expiresMs / 2) return;
      usedAt = now;
      if (!isUsed && quorum) await aside(side => use(side, name));
    };
    return setInterval(() => {
      // A failure ends the channel, and is handled there.
      look().catch(() => undefined);
    }, checkIntervalMs(options));
  });
  return () => {
    looking.forEach(clearInterval);
  };
}

/** How often to check a queue that has no consumer, in ms. */
export function checkIntervalMs({ expiresMs = Infinity }: QueueOptions): number {
  return Math.min(expiresMs / 4, MAX_LOOK_MS);
}

/** Consumes a queue for a moment. Deliveries are given back, which a quorum queue counts up to RabbitMQ 4.2. */
async function use(channel: TransportChannel, queue: string): Promise<void> {
  const delivered: number[] = [];
  const consumerTag = await channel.consume(
    queue,
    1,
    ({ deliveryTag }) => delivered.push(deliveryTag),
    () => undefined,
  );
  await channel.cancel(consumerTag);
  for (const deliveryTag of delivered) channel.nack(deliveryTag);
}
