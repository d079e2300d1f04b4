import { retryExchange } from './attempts.ts';
import type { BindingKey } from './binding.ts';
import type { QueueSpec } from './queue.ts';
import type { QueueOptions, TransportChannel } from '../transport/transport.ts';

/** Pause between looks at a queue that nobody of ours consumes, at most. */
const MAX_LOOK_MS = 60_000;
/** How long a queue that would go with its last consumer waits for one that is paused. */
const PAUSE_EXPIRES_MS = 60_000;

/** The bindings an earlier version of a consumer may have left, or a function that looks them up by the queue's full name. */
export type PreviousBindings =
  readonly BindingKey[] | ((queue: string) => Promise<readonly BindingKey[]> | readonly BindingKey[]);

/** The bindings a consumer's queue has, and those it had before. */
export interface QueueBindings {
  readonly bindings: readonly BindingKey[];
  readonly previousBindings?: PreviousBindings | undefined;
}

/** A change of a queue's earlier bindings, which `ConsumerEvent` includes. */
export type TopologyEvent =
  /** An earlier binding was removed from the queue. */
  | { readonly type: 'unbound'; readonly queue: string; readonly binding: BindingKey }
  /** The queue's earlier bindings could not be looked up. Consuming goes on. */
  | { readonly type: 'not-reconciled'; readonly queue: string; readonly error: unknown };

/** A queue as it is declared on one connection. */
export interface Declared {
  readonly name: string;
  readonly options: QueueOptions;
}

/**
 * The queues that a consumer declares, its own first.
 *
 * @param pausable To the broker a paused consumer is none, and an auto-delete queue would go at the first pause.
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
 * Declares what a consumer needs, binds what it asks for, and removes what earlier ones asked for.
 *
 * @param unbind removes one binding on a channel of its own: an exchange that has gone since is no reason to consume
 *   nothing
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
    // Every queue is bound to the default exchange, and ours perhaps to the one that retries come by.
    if (asked || exchange === '' || exchange === retryExchange(namespace)) continue;
    await unbind(exchange, pattern);
    emit({ type: 'unbound', queue: queue.name, binding: { exchange, pattern } });
  }
}

/**
 * Looks after queues that nobody of ours consumes, each minute, or four times in the time that they live unused. Returns
 * how to stop.
 *
 * To the broker a consumer that is paused is none: it is not told when the queue is deleted. A queue that is not found ends
 * the channel, and its consumer is made anew: declared, bound, and told of. Nothing is declared here, since a queue that is
 * declared alone comes back without its bindings, and gets nothing.
 *
 * To look at a classic queue (`queue.declare`, passive) is to use it, as it is to declare it: it does not expire. A quorum
 * queue is used by consumers and `basic.get` alone (3.10.8 tried, 4.x by its source): declared again and again, it expires
 * all the same.
 *
 * @param aside does something on a channel of its own
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
      // A failure ends the channel, which is heard of there.
      look().catch(() => undefined);
    }, checkIntervalMs(options));
  });
  return () => {
    looking.forEach(clearInterval);
  };
}

/** How often a queue has to be looked at that nobody consumes, in ms. */
export function checkIntervalMs({ expiresMs = Infinity }: QueueOptions): number {
  return Math.min(expiresMs / 4, MAX_LOOK_MS);
}

/** Consumes a queue for a moment. What comes is given back, which a quorum queue counts until RabbitMQ 4.2. */
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
