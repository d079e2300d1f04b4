import { PulseError } from '../errors.ts';
import { inTimerRange } from '../../base/index.ts';
import type { TransportChannel, TransportConnection } from '../transport/transport.ts';

/** How long a call to a queue may take, waiting for the connection included. */
const QUEUE_CALL_MS = 30_000;
/** Nobody hears of it. */
const TOO_LATE = new PulseError('closed', 'the caller was told that it is not done, and goes on by that');

/**
 * Does something on a channel of its own, once.
 *
 * @param done what becomes of the queue by it, as in "the queue was purged"; undefined where it stays as it is
 * @throws PulseError `connection` when it takes too long, or the connection is lost. Then it is not done later, and the
 *   message says whether it may have been done already.
 */
export type QueueCall = <T>(
  done: string | undefined,
  work: (channel: TransportChannel) => Promise<T>,
) => Promise<T>;

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
    const failed = (what: string) => {
      const fate = channel ? `may have been ${done} all the same` : `was not ${done}`;
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
      const why = trouble() ?? 'it does not answer';
      reject(
        failed(
          channel
            ? `no answer from the broker in ${timeoutMs} ms`
            : `the broker could not be asked in ${timeoutMs} ms (${why})`,
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
