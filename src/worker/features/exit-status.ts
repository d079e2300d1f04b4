import { ownSchemaPart } from '../schema-part.ts';
import { feature, serving } from './feature.ts';

/**
 * `onExitStatus`: exit codes after which the task is run again, which `run/run.ts` implements, or its caches are
 * removed.
 */
export const exitStatus = feature({
  name: 'onExitStatus',
  schema: {
    'generic-worker': () => ownSchemaPart('generic-worker', 'exit-status'),
    'docker-worker': () => ownSchemaPart('docker-worker', 'exit-status'),
  },
  open: () => serving<never>({ ask: () => undefined, start: () => ({}) }),
});
