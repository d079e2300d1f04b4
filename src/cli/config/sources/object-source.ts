import { PROPERTIES } from '../../../worker/config/index.ts';
import { foldNames } from './fold-names.ts';
import { isKnown, unknownName, type Setting, type Source } from '../source.ts';

/**
 * Makes a source from an object of properties and values, such as the content of a file. `null` means that the object
 * does not set the property.
 */
export function objectSource(content: object, place: string): Source {
  const { entries, warnings } = foldNames(Object.entries(content), place);
  const given = entries.filter(([, value]) => value !== null);
  const settings = new Map(
    given
      .filter(([name]) => isKnown(name))
      .map(([name, value]): [string, Setting] => [name, { value, place }]),
  );
  return {
    settings,
    problems: given
      .filter(([name]) => !isKnown(name))
      .map(([name]) => unknownName(place, 'unknown property', name, PROPERTIES.keys())),
    warnings,
  };
}
