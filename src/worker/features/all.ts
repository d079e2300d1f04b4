import { artifacts } from './artifacts/artifacts.ts';
import { env } from './env.ts';
import { exitStatus } from './exit-status.ts';
import type { Feature } from './feature.ts';
import { logs } from './logs.ts';
import { maxRunTime } from './max-run-time.ts';
import { switches } from './switches.ts';

/** All features, in the order in which they are checked. They finish in reverse. */
export const FEATURES: readonly Feature[] = [switches, env, maxRunTime, exitStatus, logs, artifacts];
