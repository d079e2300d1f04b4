import type { Feature } from './feature.ts';

/** `logs`: the names that the task's log is uploaded under. `upload.ts` does it last, when the log is complete. */
export const logs: Feature = { name: 'logs', schema: 'logs' };
