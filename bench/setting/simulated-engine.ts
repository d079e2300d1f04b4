import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../../src/worker/index.ts';

/** An engine without processes: each command only takes its time. For fleets that one machine can not hold. */
export function simulatedEngine(commandMs: () => number): Engine {
  return {
    name: 'simulated',
    open: async () => {
      const closed = new AbortController();
      const end = async () => {
        closed.abort();
      };
      return {
        run: async () => {
          const wallMs = commandMs();
          await sleep(wallMs, undefined, { signal: closed.signal }).catch(() => undefined);
          return { exitCode: closed.signal.aborted ? 137 : 0, wallMs };
        },
        stop: end,
        close: end,
      };
    },
  };
}
