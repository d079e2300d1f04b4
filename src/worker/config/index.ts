/**
 * The configuration of a worker: the properties of every worker and of its features, and what is derived from
 * them.
 */
export { configDefaults, type WorkerConfig } from './config.ts';
export { expectation } from '../properties/index.ts';
export { OBSOLETE_PROPERTIES } from './obsolete.ts';
export { portProblems } from './ports.ts';
export { PROPERTIES, PROPERTY_GROUPS } from './properties.ts';
export type { Property } from '../properties/index.ts';
export { configSchema } from './schema.ts';
