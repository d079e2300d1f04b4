import { OBSOLETE_PROPERTIES } from '../../worker/config/index.ts';
import type { ConfigWarning, Source } from './source.ts';

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
