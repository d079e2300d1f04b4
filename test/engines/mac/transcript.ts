import { readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { expect, onTestFinished } from 'vitest';
import type { Executed, Executor, Started } from '../../../src/worker/engines/user/mac/execute.ts';
import type { CommandLine } from '../../../src/worker/engines/user/mac/commands.ts';

interface Step extends Executed {
  readonly command: string;
}

/**
 * Plays a transcript of commands and their output on macOS. Each command of the engine must be the next one of the
 * transcript. A test fails unless its whole transcript was played.
 *
 * In a transcript, `$` begins a command, `!` a line of standard error, and `=` an exit code other than 0.
 *
 * @param names in the folder `transcripts`, played one after the other
 * @param values for the placeholders in the commands, such as `{home}`
 */
export function transcript(names: readonly string[], values: Readonly<Record<string, string>> = {}) {
  const steps = names.flatMap(name => {
    const text = readFileSync(new URL(`transcripts/${name}.txt`, import.meta.url), 'utf8');
    return stepsOf(text.replaceAll(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole));
  });
  let played = 0;
  const environments: Readonly<Record<string, string>>[] = [];
  const next = (line: CommandLine): Step => {
    const step = steps[played++];
    const command = line.map(shown).join(' ');
    expect(command, `command ${played}`).toBe(step?.command);
    if (!step) throw new Error(`the transcript ends before ${command}`);
    return step;
  };
  const executor: Executor = {
    execute: async line => next(line),
    start: (line, { env }): Started => {
      const { code, stdout, stderr } = next(line);
      environments.push(env);
      const [output, errors] = [new PassThrough(), new PassThrough()];
      output.end(stdout);
      errors.end(stderr);
      return { stdin: undefined, stdout: output, stderr: errors, exited: Promise.resolve(code) };
    },
  };
  onTestFinished(() => {
    expect(steps.slice(played).map(({ command }) => command)).toEqual([]);
  });
  return { executor, environments };
}

function stepsOf(text: string): Step[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map(part => {
      const [command = '', ...lines] = part.trimEnd().split('\n');
      const starting = (mark: string) =>
        lines.filter(line => line.startsWith(mark)).map(line => line.slice(mark.length));
      const printed = lines.filter(line => !/^[!=] /.test(line));
      const withEnd = (all: readonly string[]) => all.map(line => `${line}\n`).join('');
      return {
        command,
        stdout: withEnd(printed),
        stderr: withEnd(starting('! ')),
        code: Number(starting('= ')[0] ?? 0),
      };
    });
}

function shown(word: string): string {
  return /^[\w./:=@-]+$/.test(word) ? word : JSON.stringify(word);
}
