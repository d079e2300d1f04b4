import { Option, type Command } from 'commander';
import {
  OBSOLETE_PROPERTIES,
  PROPERTIES,
  PROPERTY_GROUPS,
  type Property,
} from '../../worker/config/index.ts';
import type { GivenFlags } from './sources/flags.ts';
import { flagName } from './spelling.ts';

const VALUE_NAMES = {
  string: '<text>',
  integer: '<number>',
  // Without a value, the flag means true.
  boolean: '[true|false]',
  object: '<json>',
  strings: '<json>',
  seconds: '<seconds>',
  port: '<port>',
  ip: '<address>',
  directory: '<directory>',
  file: '<file>',
} as const;

/** The flag of a property. An empty value means "not set", as in the other sources of properties. */
export class PropertyOption extends Option {}

/**
 * Adds a flag for every property to a command, in groups. Flags for obsolete properties are added too, but hidden from
 * the help.
 */
export function addAllProperties(command: Command): void {
  for (const { title, properties } of PROPERTY_GROUPS) {
    for (const [name, property] of Object.entries(properties)) {
      command.addOption(optionFor(name, property).helpGroup(`${title}:`));
    }
  }
  for (const name of OBSOLETE_PROPERTIES.keys()) {
    command.addOption(new PropertyOption(`${flagName(name)} <value>`).hideHelp());
  }
}

/**
 * Adds the flags of some properties to a command.
 *
 * @param descriptions for properties that have another meaning or another default in this command
 */
export function addProperties(
  command: Command,
  names: readonly string[],
  heading: string,
  descriptions: Readonly<Record<string, string>> = {},
): void {
  for (const name of names) {
    const property = PROPERTIES.get(name);
    if (!property) continue;
    const option = optionFor(name, property).helpGroup(heading);
    option.description = descriptions[name] ?? option.description;
    command.addOption(option);
  }
}

/** Returns the property flags of a command line, and the arguments that the command does not recognise. */
export function givenFlags(command: Command): GivenFlags {
  const names = [...PROPERTIES.keys(), ...OBSOLETE_PROPERTIES.keys()];
  const byFlag = new Map(names.map(name => [flagName(name), name]));
  const given = command.options.flatMap(option => {
    const name = byFlag.get(option.long ?? '');
    const value: unknown = command.getOptionValue(option.attributeName());
    return name === undefined || value === undefined ? [] : [[name, value as string | true] as const];
  });
  return { given: new Map(given), rest: command.args };
}

function optionFor(name: string, property: Property): Option {
  const values = property.oneOf ? `<${property.oneOf.join('|')}>` : VALUE_NAMES[property.type];
  return new PropertyOption(`${flagName(name)} ${values}`, `${property.description}${remark(property)}`);
}

function remark(property: Property): string {
  if (property.required) return ' (required)';
  const plain = typeof property.default === 'object' ? undefined : property.default;
  return plain === undefined ? '' : ` (default: ${plain})`;
}
