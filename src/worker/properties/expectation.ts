import type { Property } from './property.ts';

/** Describes the values of a property, in words that follow "must be". For messages and for the documentation. */
export function expectation(property: Property): string {
  if (property.oneOf) return `one of ${property.oneOf.join(', ')}`;
  if (property.pattern) return property.pattern.meaning;
  switch (property.type) {
    case 'boolean':
      return 'true or false';
    case 'integer':
      return `a whole number${range(property)}`;
    case 'seconds':
      return 'a whole number of seconds, 0 or more';
    case 'port':
      return 'a port, from 0 to 65535';
    case 'object':
      return 'an object';
    case 'ip':
      return 'an IP address';
    case 'directory':
      return 'the path of a directory';
    case 'file':
      return 'the path of a file';
    case 'strings':
      return 'a list of strings';
    case 'string':
      return 'a string';
  }
}

function range({ minimum, maximum }: Property): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  return minimum === undefined ? '' : `, ${minimum} or more`;
}
