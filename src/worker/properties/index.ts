import { deployment } from './deployment.ts';
import { exposure } from './exposure.ts';
import { features } from './features.ts';
import { machine } from './machine.ts';
import { monitoring } from './monitoring.ts';
import { pulse } from './pulse.ts';
import { registration } from './registration.ts';
import { tasks } from './tasks.ts';
import type { ValuesOf } from './values.ts';
import { worker } from './worker.ts';

/** The properties that every worker has, independent of its features, with the headings of help and documentation. */
export const GENERAL_PROPERTIES = {
  Deployment: deployment,
  Worker: worker,
  Registration: registration,
  Pulse: pulse,
  Tasks: tasks,
  Features: features,
  Exposure: exposure,
  Machine: machine,
  Monitoring: monitoring,
} as const;

/** The values of the general properties. */
export type GeneralConfig = ValuesOf<
  typeof deployment &
    typeof worker &
    typeof registration &
    typeof pulse &
    typeof tasks &
    typeof features &
    typeof exposure &
    typeof machine &
    typeof monitoring
>;

export { expectation } from './expectation.ts';
export type { Property, PropertyGroup } from './property.ts';
export type { DefaultsOf, ValuesOf } from './values.ts';
