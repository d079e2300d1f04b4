import { afterAll, beforeAll } from 'vitest';
import { newWorkplace, type DevSession, type Workplace } from '../dev-session.ts';
import { start, tcw } from '../tcw.ts';

/** A `tcw dev` that runs for all tests of a file, and `tcw task` as its user calls it. */
export interface TaskSession {
  readonly workplace: () => Workplace;
  readonly dev: () => DevSession;
  /** The variables that `tcw dev` prints. */
  readonly environment: () => Record<string, string>;
  task(...words: string[]): ReturnType<typeof tcw>;
  /** Starts `tcw task`, for what is done to it while it runs. */
  started(...words: string[]): ReturnType<typeof start>;
}

export function taskSession(...options: string[]): TaskSession {
  let workplace: Workplace;
  let dev: DevSession;
  beforeAll(async () => {
    workplace = newWorkplace();
    dev = await workplace.dev(...options);
  });
  afterAll(() => workplace[Symbol.asyncDispose]());
  const environment = () =>
    Object.fromEntries(
      [...dev.stdout.matchAll(/^export (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]),
    );
  return {
    workplace: () => workplace,
    dev: () => dev,
    environment,
    task: (...words) => tcw(['task', ...words], { environment: environment() }),
    started: (...words) => start(['task', ...words], { environment: environment() }),
  };
}

export const shell = (line: string, more: object = {}) => ({
  command: [['sh', '-c', line]],
  maxRunTime: 600,
  ...more,
});

/** Fails unless a command ended with a code, no output and one line that says why. */
export function oneLine({ stdout, stderr }: { stdout: string; stderr: string }): string {
  if (stdout !== '' || !/^tcw: [^\n]+\n$/.test(stderr)) throw new Error(`not one line: ${stdout}${stderr}`);
  return stderr.trimEnd();
}
