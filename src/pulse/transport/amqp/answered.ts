import { PulseError } from '../../errors.ts';
import { inTimerRange } from '../../../base/index.ts';

/** The broker did not answer in time. */
export class UnansweredError extends PulseError {}

/** Waits for an answer from the broker. @throws UnansweredError if it does not arrive in time */
export type Answered = <T>(answer: Promise<T>) => Promise<T>;

/**
 * Limits every wait for an answer, because a broker may send heartbeats and still not answer. One timer handles all
 * calls of a connection.
 *
 * @param excused whether the broker need not answer at the moment, for example during an alarm. The waits then start
 *   again.
 */
export function answeredWithin(timeoutMs: number, excused: () => boolean): Answered {
  /** Calls without an answer, the oldest first. */
  const waiting = new Set<{ since: number; readonly giveUp: () => void }>();
  let timer: NodeJS.Timeout | undefined;
  const watch = () => {
    const [oldest] = waiting;
    if (!oldest || timer) return;
    timer = setTimeout(look, inTimerRange(oldest.since + timeoutMs - performance.now()));
  };
  const look = () => {
    timer = undefined;
    const now = performance.now();
    const isExcused = excused();
    for (const call of waiting) {
      if (isExcused) call.since = now;
      else if (call.since + timeoutMs <= now) call.giveUp();
    }
    watch();
  };

  return async answer => {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const giveUp = () => {
      waiting.delete(call);
      reject(new UnansweredError('connection', `the broker has not answered within ${timeoutMs} ms`));
    };
    const call = { since: performance.now(), giveUp };
    waiting.add(call);
    watch();
    try {
      return await Promise.race([answer, late]);
    } finally {
      waiting.delete(call);
      if (waiting.size === 0) {
        clearTimeout(timer);
        timer = undefined;
      }
    }
  };
}
