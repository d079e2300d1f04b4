import type { Feature } from './feature.ts';
import type { Payload } from './payload.ts';

/** `logs`: the names that the task's log is uploaded under. `upload.ts` does it last, when the log is complete. */
export const logs: Feature = { name: 'logs', schema: 'logs' };

/** The names of a run's log: of itself, and of the link that leads to it. */
export function logNames(payload: Payload | undefined): { readonly backing: string; readonly live: string } {
  return {
    backing: payload?.logs?.backing ?? 'public/logs/live_backing.log',
    live: payload?.logs?.live ?? 'public/logs/live.log',
  };
}
