import { TaskError } from '../outcome.ts';
import type { Feature } from './feature.ts';

/** What `features` may switch on here; false is fine for every name that the schema knows. */
const AVAILABLE: readonly string[] = ['backingLog', 'liveLog', 'resourceMonitor'];

/** `features`: generic-worker's switches. A task that needs one which is not there must not run without it. */
export const switches: Feature = {
  name: 'features',
  schema: 'switches',
  check({ payload, config: { provisionerId, workerType } }) {
    const wanted = Object.entries(payload.features ?? {}).filter(([, on]) => on);
    const missing = wanted.map(([name]) => name).filter(name => !AVAILABLE.includes(name));
    if (payload.mounts && payload.mounts.length > 0) missing.push('mounts');
    if (missing.length === 0) return;
    throw new TaskError(
      'malformed-payload',
      missing
        .map(
          name =>
            `this task is attempting to use feature "${name}", but it's not enabled on this worker pool (${provisionerId}/${workerType})`,
        )
        .join('\n'),
    );
  },
};
