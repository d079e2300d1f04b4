import { isDeepStrictEqual } from 'node:util';
import { OBSOLETE_PROPERTIES, PROPERTIES } from '../../worker/config/index.ts';
import type { Settings, Source } from './source.ts';

/** Something in a configuration that is not wrong and that its author should know. */
export interface ConfigWarning {
  readonly property: string;
  readonly place: string;
  readonly message: string;
}

/** Properties that generic-worker no longer has, with what replaced them. */
export function obsoleteWarnings(sources: readonly Source[]): ConfigWarning[] {
  return sources.flatMap(({ settings }) =>
    [...settings].flatMap(([property, { place }]) => {
      const obsolete = OBSOLETE_PROPERTIES.get(property);
      if (obsolete === undefined) return [];
      const message = `${property} is obsolete and has no effect; replaced by ${obsolete.replacedBy}`;
      return [{ property, place, message }];
    }),
  );
}

/** Properties that somebody set on purpose and that tcw does not act on. */
export function noEffectWarnings(
  settings: Settings,
  values: Readonly<Record<string, unknown>>,
): ConfigWarning[] {
  return [...settings].flatMap(([name, { place }]) => {
    const property = PROPERTIES.get(name);
    if (property?.effect !== false || isDeepStrictEqual(values[name], property.default)) return [];
    return [{ property: name, place, message: `${name} is accepted, and has no effect in tcw yet` }];
  });
}
