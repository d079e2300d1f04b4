import { retryExchange } from './attempts.ts';
import type { BindingKey } from './binding.ts';
import type { ConsumeOptions, ConsumerEvent } from './consume-options.ts';
import type { QueueSpec } from './queue.ts';
import type { QueueOptions, TransportChannel } from './transport.ts';

/** Pause between declarations of a paused queue, at most: an hour, however late it would expire. */
const MAX_RENEWAL_MS = 3_600_000;
/** How long a queue that would go with its last consumer waits for one that is paused. */
const PAUSE_EXPIRES_MS = 60_000;

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
  { bindings, previousBindings }: ConsumeOptions<unknown>,
  namespace: string,
  emit: (event: ConsumerEvent) => void,
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
    previous = typeof previousBindings === 'function' ? await previousBindings(queue.name) : previousBindings;
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
 * Keeps queues that nobody consumes from expiring: declaring one again renews its life. Returns how to stop.
 */
export function renewed(channel: TransportChannel, queues: readonly Declared[]): () => void {
  const renewals = queues.map(({ name, options }) => {
    const { expiresMs } = options;
    if (expiresMs === undefined) return undefined;
    return setInterval(
      () => {
        // A failure ends the channel, which is heard of there.
        channel.declareQueue(name, options).catch(() => undefined);
      },
      Math.min(expiresMs / 4, MAX_RENEWAL_MS),
    );
  });
  return () => {
    renewals.forEach(clearInterval);
  };
}
