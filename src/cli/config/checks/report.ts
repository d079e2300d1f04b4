import { PROPERTIES } from '../../../worker/config/index.ts';
import { withoutUrlSecrets } from '../../../base/index.ts';
import type { Fault } from './check.ts';
import { cannotLoad, invalid, type Problem } from '../problem.ts';
import type { Setting, Settings } from '../source.ts';
import { flagName, variableName } from '../spelling.ts';

/**
 * Describes a fault: where the value was given, what is required and what was found. For a missing value, says how to
 * set it.
 */
export function problemOf(fault: Fault, settings: Settings): Problem {
  const setting = settings.get(fault.property);
  if (setting === undefined) {
    return invalid(`${fault.property} ${fault.message}: ${waysToGive(fault.property)}`);
  }
  const text = `${setting.place}: ${fault.property} ${fault.message}${actual(fault, setting)}`;
  return fault.kind === 'wrong-type' ? cannotLoad(text) : invalid(text);
}

function actual({ property, inside }: Fault, { value, isSecret }: Setting): string {
  if (inside) return '';
  return isSecret === true || PROPERTIES.get(property)?.secret
    ? '; its value stays secret'
    : `; it is ${shortened(value)}`;
}

function waysToGive(name: string): string {
  const usual = PROPERTIES.get(name)?.standardVariable;
  const variables = [variableName(name), ...(usual === undefined ? [] : [usual])].join(' or ');
  return `give it in the configuration file, as ${variables}, or with ${flagName(name)}`;
}

function shortened(value: unknown): string {
  const text = withoutUrlSecrets(JSON.stringify(value));
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}
