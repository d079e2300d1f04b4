import { PulseError } from '../errors.ts';
import { inTimerRange } from '../timer-range.ts';

/** The broker has not answered in time. */
export class UnansweredError extends PulseError {}

/** Waits for an answer of the broker. @throws UnansweredError when it does not come in time */
export type Answered = <T>(answer: Promise<T>) => Promise<T>;

/**
 * Bounds every wait for an answer: a broker may send heartbeats, and answer nothing all the same.
 *
 * @param excused whether the broker need not answer now, as during an alarm. Then the wait begins again.
 */
export function answeredWithin(timeoutMs: number, excused: () => boolean): Answered {
  return async answer => {
    const { promise: late, reject } = Promise.withResolvers<never>();
    let timer: NodeJS.Timeout | undefined;
    const wait = () => {
      timer = setTimeout(() => {
        if (excused()) wait();
        else reject(new UnansweredError('connection', `the broker has not answered within ${timeoutMs} ms`));
      }, inTimerRange(timeoutMs));
    };
    wait();
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  };
}
