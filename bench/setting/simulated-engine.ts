import { setTimeout as sleep } from 'node:timers/promises';
import { hostFiles } from '../../src/worker/files/host-files.ts';
import type { Engine } from '../../src/worker/index.ts';

/**
 * An engine without processes, in which each command only takes time. It is for fleets that are too large for one
 * machine.
 */
export function simulatedEngine(commandMs: () => number): Engine {
  return {
    name: 'simulated',
    formats: ['generic-worker'],
    capabilities: new Set(),
    hostAddress: 'localhost',
    open: async ({ home }) => {
      const closed = new AbortController();
      const end = async () => {
        closed.abort();
      };
      return {
        files: hostFiles(home.path),
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
