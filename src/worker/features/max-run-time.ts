import { TaskError } from '../outcome.ts';
import { ownSchemaPart } from '../schema-part.ts';
import { feature, serving } from './feature.ts';

/** `maxRunTime`: the time limit for all commands together. `run/run.ts` enforces it. */
export const maxRunTime = feature({
  name: 'maxRunTime',
  schema: {
    'generic-worker': () => ownSchemaPart('generic-worker', 'max-run-time'),
    'docker-worker': () => ownSchemaPart('docker-worker', 'max-run-time'),
  },
  open: ({ config: { maxTaskRunTime } }) =>
    serving<never>({
      ask: ({ maxRunTimeSecs }) => {
        if (maxRunTimeSecs <= maxTaskRunTime) return undefined;
        throw new TaskError(
          'malformed-payload',
          `maxRunTime of ${maxRunTimeSecs} s is more than this worker pool allows (${maxTaskRunTime} s)`,
        );
      },
      start: () => ({}),
    }),
});
