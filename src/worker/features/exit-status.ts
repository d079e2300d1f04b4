import { ownSchemaPart } from '../schema-part.ts';
import { feature, serving } from './feature.ts';

/** `onExitStatus`: exit codes after which the task is run again, which `run.ts` reads, or its caches are thrown away. */
export const exitStatus = feature({
  name: 'onExitStatus',
  schema: {
    'generic-worker': () => ownSchemaPart('generic-worker', 'exit-status'),
    'docker-worker': () => ownSchemaPart('docker-worker', 'exit-status'),
  },
  open: () => serving<never>({ ask: () => undefined, start: () => ({}) }),
});
