import { TaskError } from '../outcome.ts';
import type { Feature } from './feature.ts';

/** `maxRunTime`: how long the commands may take together. `run.ts` holds them to it. */
export const maxRunTime: Feature = {
  name: 'maxRunTime',
  schema: 'max-run-time',
  check({ payload, config }) {
    if (payload.maxRunTime <= config.maxTaskRunTime) return;
    throw new TaskError(
      'malformed-payload',
      `maxRunTime of ${payload.maxRunTime} s is more than this worker pool allows (${config.maxTaskRunTime} s)`,
    );
  },
};
