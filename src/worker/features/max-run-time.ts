import { TaskError } from '../outcome.ts';
import { ownSchemaPart } from '../schema-part.ts';
import { feature, serving } from './feature.ts';

/** `maxRunTime`: how long the commands may take together. `run.ts` holds them to it. */
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
