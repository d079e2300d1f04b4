import type { BindingKey } from './binding.ts';
import { PulseError } from '../errors.ts';
import type { QueueCall } from './queue-call.ts';
import type { QueueSpec } from './queue.ts';
import { prepare, queuesOf } from './topology.ts';
import type { QueueDepth } from '../transport/transport.ts';

/**
 * A named queue, to be looked at and put in order, whether or not anybody consumes it.
 *
 * Each call waits for the connection, for 30 s at most. What had no answer by then is rejected (`connection`) and not done
 * later; the error says whether it was asked for, and so may have been done.
 */
export interface PulseQueue {
  /**
   * Its full name: `queue/<namespace>/<name>`.
   *
   * @throws PulseError `invalid` while nobody knows the namespace: it is the user's name, unless one is given, and
   *   `credentials` tells that at the first connect
   */
  readonly name: string;
  /** Declares it, and binds it: messages are kept for it from now on. */
  declare(bindings?: readonly BindingKey[]): Promise<void>;
  /** How many messages wait, and how many consumers there are; undefined when there is no such queue. */
  inspect(): Promise<QueueDepth | undefined>;
  /** Removes bindings. That there are none is no error. */
  unbind(bindings: readonly BindingKey[]): Promise<void>;
  /** Drops what waits; what is delivered and unsettled stays. Returns how many. */
  purge(): Promise<number>;
  /** Deletes it with all that is in it, and its queue of dead letters too. That there is none is no error. */
  delete(): Promise<void>;
}

/**
 * @param call lends a channel of its own on the consuming connection, which a memory alarm does not block
 * @throws PulseError `invalid` for an ephemeral queue: only its consumer has it
 */
export function pulseQueue(spec: QueueSpec, namespace: () => string, call: QueueCall): PulseQueue {
  if (spec.ephemeral) {
    throw new PulseError(
      'invalid',
      'an ephemeral queue belongs to its consumer alone: name one with namedQueue',
    );
  }
  const nameNow = () => spec.nameFor(namespace());
  return {
    get name() {
      return nameNow();
    },
    declare: (bindings = []) =>
      call('declared', channel => {
        const queues = queuesOf(spec, namespace(), nameNow(), false);
        const nothing = async () => undefined;
        return prepare(channel, queues, { bindings }, namespace(), () => undefined, nothing);
      }),
    inspect: () =>
      call(undefined, async channel => {
        try {
          return await channel.checkQueue(nameNow());
        } catch (error) {
          if ((error as PulseError).kind === 'not-found') return undefined;
          throw error;
        }
      }),
    unbind: bindings =>
      call('unbound', async channel => {
        for (const { exchange, pattern } of bindings) await channel.unbindQueue(nameNow(), exchange, pattern);
      }),
    purge: () => call('purged', channel => channel.purgeQueue(nameNow())),
    delete: () =>
      call('deleted', async channel => {
        await channel.deleteQueue(nameNow());
        if (spec.deadLetter) await channel.deleteQueue(spec.deadLetter.queue.nameFor(namespace()));
      }),
  };
}
