import { checkBindings, type BindingKey } from './binding.ts';
import { PulseError } from '../errors.ts';
import type { QueueCall } from './queue-call.ts';
import { isQueueSpec, type QueueSpec } from './queue.ts';
import { prepare, queuesOf } from './topology.ts';
import type { QueueDepth } from '../transport/transport.ts';

/**
 * Inspects and manages a named queue, whether or not it is consumed.
 *
 * Each call may take 30 s, including the wait for the connection. Without an answer by then, the call rejects
 * (`connection`) and is not sent later. The error tells whether the call was already sent and thus may have taken
 * effect.
 */
export interface PulseQueue {
  /**
   * The queue's full name: `queue/<namespace>/<name>`.
   *
   * @throws PulseError `invalid` while the namespace is unknown. Without the option `namespace`, it is the user's
   *   name. With the option `credentials`, that is known only from the first connection attempt on
   */
  readonly name: string;
  /** Declares and binds the queue. From then on, it collects messages. */
  declare(bindings?: readonly BindingKey[]): Promise<void>;
  /** Returns the numbers of waiting messages and of consumers, or undefined if the queue does not exist. */
  inspect(): Promise<QueueDepth | undefined>;
  /** Removes bindings. Missing bindings are not an error. */
  unbind(bindings: readonly BindingKey[]): Promise<void>;
  /** Drops the waiting messages, but not unsettled ones. Returns the number of dropped messages. */
  purge(): Promise<number>;
  /** Deletes the queue, its messages and its dead-letter queue. It is not an error if they do not exist. */
  delete(): Promise<void>;
}

/**
 * @param call runs work on a separate channel of the consuming connection, which a memory alarm does not block
 * @throws PulseError `invalid` for an ephemeral queue, which only its consumer can use
 */
export function pulseQueue(spec: QueueSpec, namespace: () => string, call: QueueCall): PulseQueue {
  if (!isQueueSpec(spec)) throw new PulseError('invalid', 'queue needs a queue, made by namedQueue(…)');
  if (spec.ephemeral) {
    throw new PulseError(
      'invalid',
      'an ephemeral queue belongs to its consumer alone: use namedQueue(…) for a queue that you can manage',
    );
  }
  const nameNow = () => spec.nameFor(namespace());
  return {
    get name() {
      return nameNow();
    },
    declare: async (bindings = []) => {
      checkBindings('declare', bindings);
      return call('declared', channel => {
        const queues = queuesOf(spec, namespace(), nameNow(), false);
        const nothing = async () => undefined;
        return prepare(channel, queues, { bindings }, namespace(), () => undefined, nothing);
      });
    },
    inspect: () =>
      call(undefined, async channel => {
        try {
          return await channel.checkQueue(nameNow());
        } catch (error) {
          if ((error as PulseError).kind === 'not-found') return undefined;
          throw error;
        }
      }),
    unbind: async bindings => {
      checkBindings('unbind', bindings);
      return call('unbound', async channel => {
        for (const { exchange, pattern } of bindings) await channel.unbindQueue(nameNow(), exchange, pattern);
      });
    },
    purge: () => call('purged', channel => channel.purgeQueue(nameNow())),
    delete: () =>
      call('deleted', async channel => {
        await channel.deleteQueue(nameNow());
        if (spec.deadLetter) await channel.deleteQueue(spec.deadLetter.queue.nameFor(namespace()));
      }),
  };
}
