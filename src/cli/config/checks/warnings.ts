import { OBSOLETE_PROPERTIES } from '../../../worker/config/index.ts';
import type { ConfigWarning, Source } from '../source.ts';

/** Warns of properties that generic-worker has dropped, and names their replacements. */
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
