import { deployment } from './properties/deployment.ts';
import { features } from './properties/features.ts';
import { machine } from './properties/machine.ts';
import { pulse } from './properties/pulse.ts';
import { tasks } from './properties/tasks.ts';
import { worker } from './properties/worker.ts';
import type { Property, PropertyGroup } from './property.ts';

const table = { ...deployment, ...worker, ...pulse, ...tasks, ...features, ...machine } as const;

/** The table as the compiler sees it: {@link WorkerConfig} is made from it. */
export type PropertyTable = typeof table;

/** The name of a property, in generic-worker's spelling. */
export type PropertyName = keyof PropertyTable;

/** Every property that tcw knows, by name. */
export const PROPERTIES: ReadonlyMap<string, Property> = new Map(Object.entries(table));

/** The same properties under the headings of help and documentation. */
export const PROPERTY_GROUPS: readonly PropertyGroup[] = [
  { title: 'Deployment', properties: deployment },
  { title: 'Worker', properties: worker },
  { title: 'Pulse', properties: pulse },
  { title: 'Tasks', properties: tasks },
  { title: 'Features', properties: features },
  { title: 'Machine', properties: machine },
];
