import { Secret } from '../../base/index.ts';
import { proxyPasswords } from '../../taskcluster/index.ts';
import { PROPERTIES } from '../../worker/config/index.ts';
import { variableName } from './spelling.ts';
import type { Environment } from './sources/variables.ts';

/**
 * Returns all secrets in the environment variables, including those that a higher source overrides: a task that reads
 * the environment finds them as well.
 */
export function secretVariables(environment: Environment): Secret[] {
  const secret = [...PROPERTIES].filter(([, property]) => property.secret);
  const names = secret.flatMap(([name, { standardVariable = [] }]) =>
    [variableName(name), standardVariable].flat(),
  );
  const values = [...names, 'PULSE_PASSWORD'].flatMap(name => {
    const value = environment[name];
    return value ? [new Secret(value)] : [];
  });
  return [...values, ...proxyPasswords(environment)];
}
