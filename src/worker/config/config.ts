import type { DefaultsOf, ValuesOf } from '../properties/index.ts';
import { PROPERTIES, type PropertyTable } from './properties.ts';

/**
 * The configuration of one worker, checked, with defaults in place and secrets wrapped. Durations are in seconds.
 *
 * It is made from the tables of properties: a property added there is a property here.
 */
export type WorkerConfig = ValuesOf<PropertyTable>;

/** What a worker gets when nobody says otherwise. Directories are still relative. */
export function configDefaults(): DefaultsOf<PropertyTable> {
  const defaults = [...PROPERTIES].flatMap(([name, property]) =>
    property.default === undefined ? [] : [[name, structuredClone(property.default)] as const],
  );
  return Object.fromEntries(defaults) as DefaultsOf<PropertyTable>;
}
