import { Ajv, type ErrorObject } from 'ajv';
import { configSchema, expectation, PROPERTIES, type Property } from '../../../worker/config/index.ts';
import { suggestion } from '../../../base/index.ts';

/** A violation of the schema by one property. */
export interface Fault {
  readonly property: string;
  readonly kind: 'missing' | 'wrong-type' | 'wrong-value';
  /** The requirement, worded to follow the name of the property. Does not contain the value. */
  readonly message: string;
  /** The fault is in one key of an object. The message names the key. */
  readonly inside?: true;
}

// The schema is part of tcw and known to be valid. Checking it against draft-07 would take half of the time.
const validate = new Ajv({ allErrors: true, meta: false, validateSchema: false }).compile(configSchema());

/** Checks values against the schema of the configuration. Returns at most one fault for each property. */
export function check(values: Readonly<Record<string, unknown>>): Fault[] {
  validate(values);
  const faults = new Map<string, Fault>();
  for (const error of validate.errors ?? []) {
    const fault = faultOf(error);
    // A wrong type explains the other faults of the property.
    if (!faults.has(fault.property) || fault.kind === 'wrong-type') faults.set(fault.property, fault);
  }
  for (const [name, { normal }] of PROPERTIES) {
    const value = values[name];
    if (!normal || typeof value !== 'string' || faults.has(name) || normal(value) !== undefined) continue;
    faults.set(name, {
      property: name,
      kind: 'wrong-value',
      message: `must be ${expectation(propertyNamed(name))}`,
    });
  }
  return [...faults.values()];
}

function propertyNamed(name: string): Property {
  const property = PROPERTIES.get(name);
  if (property === undefined) throw new Error(`the schema rejects ${name}`);
  return property;
}

function faultOf(error: ErrorObject): Fault {
  const [, name = '', key] = error.instancePath.split('/');
  const params = error.params as Readonly<Record<string, string>>;
  if (error.keyword === 'required') {
    return { property: params.missingProperty ?? '', kind: 'missing', message: 'is missing' };
  }
  const property = propertyNamed(name);
  if (error.keyword === 'additionalProperties') {
    const unknown = params.additionalProperty ?? '';
    const hint = suggestion(unknown, Object.keys(property.keys ?? {}));
    return { property: name, kind: 'wrong-type', message: `has no key ${unknown}${hint}`, inside: true };
  }
  if (key !== undefined) {
    const type = property.keys?.[key] === 'boolean' ? 'true or false' : 'a string';
    return { property: name, kind: 'wrong-type', message: `must have ${type} under ${key}`, inside: true };
  }
  if (error.keyword === 'type' && params.type === 'string') {
    // YAML reads an unquoted 12345 or true as a number or a boolean.
    return { property: name, kind: 'wrong-type', message: 'must be a string: put it in quotes' };
  }
  // generic-worker fails while loading a text that is not an IP address, so this counts as a wrong type.
  const kind = error.keyword === 'type' || property.type === 'ip' ? 'wrong-type' : 'wrong-value';
  return { property: name, kind, message: `must be ${expectation(property)}` };
}
