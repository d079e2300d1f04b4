import type { Feature } from './feature.ts';

/** `onExitStatus`: exit codes after which the task is run again. `run.ts` reads it. */
export const exitStatus: Feature = { name: 'onExitStatus', schema: 'exit-status' };
