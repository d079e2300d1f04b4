import { TaskError } from '../outcome.ts';
import { ownSchemaPart } from '../schema-part.ts';
import { feature, serving } from './feature.ts';

/** `env`: variables for the commands. `run/environment.ts` shows which variables come before and after them. */
export const env = feature({
  name: 'env',
  schema: {
    'generic-worker': () => ownSchemaPart('generic-worker', 'env'),
    'docker-worker': () => ownSchemaPart('docker-worker', 'env'),
  },
  open: () =>
    serving<never>({
      ask: ({ env: variables }) => {
        const problems = Object.entries(variables).flatMap(([name, value]) => problemOf(name, value));
        if (problems.length > 0) throw new TaskError('malformed-payload', problems.join('\n'));
        return undefined;
      },
      start: () => ({}),
    }),
});

/** A name such as `TASK_ID=x` would give a program another value of a variable that no payload can change. */
function problemOf(name: string, value: string): string[] {
  if (name === '' || /[=\0]/.test(name))
    return [`no environment variable can be named ${JSON.stringify(name)}`];
  return value.includes('\0') ? [`the environment variable ${JSON.stringify(name)} contains a NUL`] : [];
}
