import { FEATURES } from '../features/index.ts';
import { GENERAL_PROPERTIES, type Property, type PropertyGroup } from '../properties/index.ts';

type Union =
  (typeof GENERAL_PROPERTIES)[keyof typeof GENERAL_PROPERTIES] | PropertiesOf<(typeof FEATURES)[number]>;
type PropertiesOf<F> = F extends { readonly properties?: infer P } ? Exclude<P, undefined> : never;
type IntersectionOf<U> = (U extends unknown ? (each: U) => void : never) extends (all: infer I) => void
  ? I
  : never;

/** The table of properties, as a type. {@link WorkerConfig} is derived from it. */
export type PropertyTable = IntersectionOf<Union>;

const ofFeatures = Object.assign({}, ...FEATURES.map(feature => feature.properties)) as Readonly<
  Record<string, Property>
>;

/** All properties, with the headings of help and documentation. */
export const PROPERTY_GROUPS: readonly PropertyGroup[] = Object.entries(GENERAL_PROPERTIES).map(
  ([title, properties]) => ({
    title,
    properties: title === 'Features' ? { ...ofFeatures, ...properties } : properties,
  }),
);

/** Every property that tcw knows, by name. */
export const PROPERTIES: ReadonlyMap<string, Property> = new Map(
  PROPERTY_GROUPS.flatMap(({ properties }) => Object.entries(properties)),
);
