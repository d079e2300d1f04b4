import { isDeepStrictEqual } from 'node:util';
import { OBSOLETE_PROPERTIES, PROPERTIES } from '../../worker/config/index.ts';
import type { ConfigWarning, Settings, Source } from './source.ts';

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

/**
 * One warning for all properties that somebody set on purpose and that tcw does not act on yet: what differs from its
 * default, and what is switched on.
 */
export function noEffectWarnings(
  settings: Settings,
  values: Readonly<Record<string, unknown>>,
): ConfigWarning[] {
  const isMeant = (name: string, unset: unknown) =>
    values[name] === true || !isDeepStrictEqual(values[name], unset);
  const ignored = [...settings].filter(([name]) => {
    const property = PROPERTIES.get(name);
    return property?.effect === false && isMeant(name, property.default);
  });
  if (ignored.length === 0) return [];
  const property = ignored.map(([name]) => name).join(', ');
  const place = [...new Set(ignored.map(([, setting]) => setting.place))].join(', ');
  const verb = ignored.length === 1 ? 'has' : 'have';
  return [{ property, place, message: `${property} ${verb} no effect in tcw yet` }];
}
