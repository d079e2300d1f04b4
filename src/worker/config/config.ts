import type { Secret } from '../../pulse/index.ts';
import { PROPERTIES, type PropertyName, type PropertyTable } from './properties.ts';

type ValueOf<P> = P extends { secret: true }
  ? Secret
  : P extends { oneOf: readonly (infer Choice)[] }
    ? Choice
    : P extends { type: 'boolean' }
      ? boolean
      : P extends { type: 'integer' | 'seconds' | 'port' }
        ? number
        : P extends { type: 'object' }
          ? Readonly<Record<string, unknown>>
          : string;

/** Properties that a worker always has: required ones, and those with a default. */
type Certain = {
  [Name in PropertyName]: PropertyTable[Name] extends { required: true } | { default: unknown }
    ? Name
    : never;
}[PropertyName];

/**
 * The configuration of one worker, checked, with defaults in place and secrets wrapped. Durations are in seconds.
 *
 * It is made from the table of properties: a property added there is a property here.
 */
export type WorkerConfig = {
  readonly [Name in Certain]: ValueOf<PropertyTable[Name]>;
} & {
  readonly [Name in Exclude<PropertyName, Certain>]?: ValueOf<PropertyTable[Name]>;
};

/** The properties that have a default. */
type ConfigDefaults = {
  readonly [Name in PropertyName as PropertyTable[Name] extends { default: unknown } ? Name : never]: ValueOf<
    PropertyTable[Name]
  >;
};

/** What a worker gets when nobody says otherwise. Directories are still relative. */
export function configDefaults(): ConfigDefaults {
  const defaults = [...PROPERTIES].flatMap(([name, property]) =>
    property.default === undefined ? [] : [[name, structuredClone(property.default)] as const],
  );
  return Object.fromEntries(defaults) as ConfigDefaults;
}
