import { TaskError } from '../outcome.ts';
import { nameProblem } from './artifacts/name.ts';
import type { Feature } from './feature.ts';
import type { Payload } from './payload.ts';

/** `logs`: the names that the task's log is uploaded under. `upload.ts` does it last, when the log is complete. */
export const logs: Feature = {
  name: 'logs',
  schema: 'logs',
  check({ payload }) {
    for (const [property, name] of Object.entries(logNames(payload))) {
      const problem = nameProblem(name);
      if (problem)
        throw new TaskError('malformed-payload', `logs.${property} ${JSON.stringify(name)}: ${problem}`);
    }
    const [backing, live] = logNamesInUse(payload);
    if (backing !== undefined && backing === live) {
      throw new TaskError(
        'malformed-payload',
        `logs.backing and logs.live are both ${JSON.stringify(backing)}: the log and the link to it need two names`,
      );
    }
  },
};

/** The names of a run's log: of itself, and of the link that leads to it. */
export function logNames(payload: Payload | undefined): { readonly backing: string; readonly live: string } {
  return {
    backing: payload?.logs?.backing ?? 'public/logs/live_backing.log',
    live: payload?.logs?.live ?? 'public/logs/live.log',
  };
}

/** Those of them that the payload does not switch off; without the log there is no link to it. */
export function logNamesInUse(payload: Payload): readonly string[] {
  const { backing, live } = logNames(payload);
  const { backingLog = true, liveLog = true } = payload.features ?? {};
  if (!backingLog) return [];
  return liveLog ? [backing, live] : [backing];
}
