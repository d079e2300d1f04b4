import { execa } from 'execa';

/** A tool that checks the code and fails if it finds problems. */
export interface Step {
  readonly name: string;
  /** A program in node_modules/.bin or on the PATH, and its arguments. */
  readonly command: readonly [string, ...string[]];
}

/**
 * Runs all steps, and prints one line for each when it ends. The output of a tool is printed if it failed.
 *
 * @param folder the working directory of the steps
 * @param atOnce the number of steps that may run at the same time
 * @returns the names of the failed steps
 */
export async function runSteps(
  steps: readonly Step[],
  folder: string,
  atOnce: number,
  print: (line: string) => void = console.log,
): Promise<string[]> {
  const waiting = [...steps];
  const failures: string[] = [];
  const lane = async () => {
    for (let step = waiting.shift(); step; step = waiting.shift()) {
      const { failed, durationMs, output } = await run(step, folder);
      print(
        `${failed ? 'FAILED' : 'ok    '}  ${step.name.padEnd(16)}${(durationMs / 1000).toFixed(1).padStart(5)} s`,
      );
      if (!failed) continue;
      failures.push(step.name);
      if (output !== '') print(output.replaceAll(/^(?=.)/gm, '    '));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return failures;
}

async function run({ command: [program, ...args] }: Step, folder: string) {
  const { failed, durationMs, all, exitCode, shortMessage } = await execa(program, args, {
    cwd: folder,
    preferLocal: true,
    localDir: folder,
    all: true,
    reject: false,
    stdin: 'ignore',
  });
  // A program that could not be started has no output.
  return { failed, durationMs, output: exitCode === undefined ? `${shortMessage}\n${all ?? ''}` : all };
}
