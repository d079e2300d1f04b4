import type { DefaultsOf, ValuesOf } from '../properties/index.ts';
import { PROPERTIES, type PropertyTable } from './properties.ts';

/**
 * The configuration of one worker: checked, with defaults, and with secrets wrapped. Durations are in seconds.
 * This type is derived from the tables of properties, so a property that is added there is a property here.
 */
export type WorkerConfig = ValuesOf<PropertyTable>;

/** Returns the defaults of all properties. Directories are still relative. */
export function configDefaults(): DefaultsOf<PropertyTable> {
  const defaults = [...PROPERTIES].flatMap(([name, property]) =>
    property.default === undefined ? [] : [[name, structuredClone(property.default)] as const],
  );
  return Object.fromEntries(defaults) as DefaultsOf<PropertyTable>;
}
