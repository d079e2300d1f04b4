import type { Feature } from './feature.ts';

/** `env`: variables for the commands. See `environment.ts` for what comes before and after them. */
export const env: Feature = { name: 'env', schema: 'env' };
