import { PulseError } from './errors.ts';
import { inTimerRange } from './timer-range.ts';
import type { TransportChannel, TransportConnection } from './transport.ts';

/** How long a call to a queue may take, waiting for the connection included. */
const QUEUE_CALL_MS = 30_000;

/**
 * Does something on a channel of its own, once.
 *
 * @param done what becomes of the queue by it, as in "the queue was purged"
 * @throws PulseError `connection` when it takes too long. Then it is not done later, and the message says whether it may
 *   have been done already.
 */
export type QueueCall = <T>(done: string, work: (channel: TransportChannel) => Promise<T>) => Promise<T>;

/**
 * @param live the connection, as soon as there is one
 * @param trouble why there is none, as far as is known
 */
export function queueCalls(
  live: () => Promise<TransportConnection>,
  trouble: () => string | undefined,
  timeoutMs = QUEUE_CALL_MS,
): QueueCall {
  return async (done, work) => {
    let late = false;
    let channel: TransportChannel | undefined;
    const ask = async () => {
      const connection = await live();
      // Whoever called was told that it is not done, and goes on by that.
      if (late) throw new PulseError('connection', 'too late');
      channel = await connection.openChannel({ confirms: false });
      try {
        if (late) throw new PulseError('connection', 'too late');
        return await work(channel);
      } catch (error) {
        const { kind, message } = error as PulseError;
        if (kind !== 'connection') throw error;
        throw new PulseError(kind, `${message}: the queue may have been ${done} all the same`, {
          cause: error,
        });
      } finally {
        void channel.close();
      }
    };

    const { promise, reject } = Promise.withResolvers<never>();
    const giveUp = () => {
      late = true;
      const why = trouble() ?? 'it does not answer';
      reject(
        new PulseError(
          'connection',
          channel
            ? `no answer from the broker in ${timeoutMs} ms: the queue may have been ${done} all the same`
            : `the broker could not be asked in ${timeoutMs} ms (${why}): the queue was not ${done}`,
        ),
      );
      // What was to come after the answer is not asked for any more.
      void channel?.close();
    };
    const limit = setTimeout(giveUp, inTimerRange(timeoutMs));
    try {
      return await Promise.race([ask(), promise]);
    } finally {
      clearTimeout(limit);
    }
  };
}
