import { setImmediate } from 'node:timers/promises';

import type { Clock } from '../../src/local/index.ts';

/** A clock that stands still until it is turned. */
export interface TestClock extends Clock {
  /** Lets `ms` go by: what is due on the way is called when it is due, and may do what it does without waiting. */
  advance(ms: number): Promise<void>;
  /** How many alarms are set. */
  alarms(): number;
}

export function createTestClock(): TestClock {
  let now = Date.now();
  const alarms = new Set<{ at: number; callback: () => void }>();
  return {
    now: () => now,
    alarms: () => alarms.size,
    after(ms, callback) {
      const alarm = { at: now + ms, callback };
      alarms.add(alarm);
      return () => void alarms.delete(alarm);
    },
    async advance(ms) {
      const end = now + ms;
      for (;;) {
        await setImmediate();
        const [next] = [...alarms].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
        if (!next) break;
        alarms.delete(next);
        now = Math.max(now, next.at);
        next.callback();
      }
      now = end;
    },
  };
}
