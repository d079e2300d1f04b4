import { PulseError } from '../errors.ts';
import { inTimerRange } from '../../base/index.ts';
import type { TransportChannel, TransportConnection } from '../transport/transport.ts';

/** Time limit for a queue call, including the wait for the connection. */
const QUEUE_CALL_MS = 30_000;
/** This error is never reported. */
const TOO_LATE = new PulseError('closed', 'the caller was told that it is not done, and goes on by that');

/**
 * Runs work once, on a separate channel.
 *
 * @param done what the work does to the queue, as in "the queue was purged". Undefined if it does not change the
 *   queue.
 * @throws PulseError `connection` if it takes too long or the connection is lost. The work is not done later, and the
 *   message tells whether it may have been done already.
 */
export type QueueCall = <T>(
  done: string | undefined,
  work: (channel: TransportChannel) => Promise<T>,
) => Promise<T>;

/**
 * @param live resolves with the connection as soon as there is one
 * @param problem returns why there is no connection, as far as it is known
 */
export function queueCalls(
  live: () => Promise<TransportConnection>,
  problem: () => string | undefined,
  timeoutMs = QUEUE_CALL_MS,
): QueueCall {
  return async (done, work) => {
    let late = false;
    let channel: TransportChannel | undefined;
    const failed = (what: string) => {
      const fate = channel ? `may have been ${done} anyway` : `was not ${done}`;
      return new PulseError('connection', done === undefined ? what : `${what}: the queue ${fate}`);
    };
    const ask = async () => {
      try {
        const connection = await live();
        if (late) throw TOO_LATE;
        const opened = await connection.openChannel({ confirms: false });
        if (late) {
          void opened.close();
          throw TOO_LATE;
        }
        channel = opened;
        return await work(channel);
      } catch (error) {
        const { kind, message } = error as PulseError;
        throw kind === 'connection' ? failed(message) : error;
      } finally {
        void channel?.close();
      }
    };

    const { promise, reject } = Promise.withResolvers<never>();
    const giveUp = () => {
      late = true;
      const why = problem() ?? 'it does not answer';
      reject(
        failed(
          channel
            ? `no answer from the broker within ${timeoutMs} ms`
            : `the broker could not be asked within ${timeoutMs} ms (${why})`,
        ),
      );
      // Closing the channel makes sure that no further steps of the work are sent.
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
