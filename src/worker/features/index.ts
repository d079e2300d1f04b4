/** What a payload may ask for: each feature in a file or folder of its own, with its part of the payload's schema. */
export { FEATURES } from './all.ts';
export type { FeatureRun, FinishingRun } from './feature.ts';
export { logNames } from './logs.ts';
export type { Payload } from './payload.ts';
export { payloadProblems, payloadSchema } from './payload-schema.ts';
