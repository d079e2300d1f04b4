/** The configuration of a worker: one table of properties, and what is made from it. Loads nothing else. */
export { configDefaults, type WorkerConfig } from './config.ts';
export { expectation } from './expectation.ts';
export { OBSOLETE_PROPERTIES } from './obsolete.ts';
export { portProblems } from './ports.ts';
export { PROPERTIES, PROPERTY_GROUPS } from './properties.ts';
export type { Property } from './property.ts';
export { configSchema } from './schema.ts';
