import { proxyProblems } from '../../../taskcluster/index.ts';
import { OBSOLETE_PROPERTIES, PROPERTIES } from '../../../worker/config/index.ts';
import { invalid, type Problem } from '../problem.ts';
import { unknownName, type Setting, type Source } from '../source.ts';
import { variableName } from '../spelling.ts';
import { valueOfText } from './text.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const OURS = 'TCW_';
/**
 * TCW_* variables that are neither properties nor mistakes: settings of the test suite, and the limits that bin/tcw.js
 * passes on to the engine.
 */
const NO_PROPERTY = /^TCW_(TEST_|STARTED_LIMITS$)/;

const byVariable: ReadonlyMap<string, string> = new Map(
  [...PROPERTIES.keys(), ...OBSOLETE_PROPERTIES.keys()].map(name => [variableName(name), name]),
);

/** Reads the TCW_* variables: `TCW_CAPACITY` sets `capacity`. A variable that matches no property is a problem. */
export function ownVariables(environment: Environment): Source {
  const settings = new Map<string, Setting>();
  const problems: Problem[] = [];
  for (const [variable, text] of Object.entries(environment)) {
    if (text === undefined || !variable.startsWith(OURS) || NO_PROPERTY.test(variable)) continue;
    const name = byVariable.get(variable);
    if (name === undefined) {
      const known = [...PROPERTIES.keys()].map(variableName);
      problems.push(unknownName('environment', 'unknown variable', variable, known));
    } else {
      settings.set(name, { value: valueOfText(name, text), place: `variable ${variable}` });
    }
  }
  return { settings, problems };
}

/**
 * Reads the variables that every Taskcluster tool uses, such as `TASKCLUSTER_ROOT_URL`, and checks those that name HTTP
 * proxies.
 */
export function standardVariables(environment: Environment): Source {
  const settings = new Map<string, Setting>();
  for (const [name, { standardVariable }] of PROPERTIES) {
    const text = standardVariable === undefined ? undefined : environment[standardVariable];
    if (text !== undefined) settings.set(name, { value: text, place: `variable ${standardVariable}` });
  }
  return { settings, problems: proxyProblems(environment).map(invalid) };
}
