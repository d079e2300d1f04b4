import { TaskError } from '../outcome.ts';
import type { Feature } from './feature.ts';

/** `env`: variables for the commands. See `environment.ts` for what comes before and after them. */
export const env: Feature = {
  name: 'env',
  schema: 'env',
  check({ payload }) {
    for (const [name, value] of Object.entries(payload.env ?? {})) {
      const problem = problemOf(name, value);
      if (problem !== undefined) throw new TaskError('malformed-payload', problem);
    }
  },
};

/** To a program, `TASK_ID=x` is not a name but another value for a variable that no payload can change. */
function problemOf(name: string, value: string): string | undefined {
  if (name === '' || /[=\0]/.test(name))
    return `no environment variable can be named ${JSON.stringify(name)}`;
  return value.includes('\0') ? `the environment variable ${JSON.stringify(name)} holds a NUL` : undefined;
}
