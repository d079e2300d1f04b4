import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { PATIENCE_MS } from '../patience.ts';

/** What a page shows of one terminal: commands, and what each prints. */
export interface Transcript {
  readonly commands: readonly { readonly command: string; readonly output: string }[];
  /** Whether this is another terminal, while the last command of the transcript before runs. */
  readonly meanwhile: boolean;
}

/** The ```` ```console ```` blocks of a page, and its ```` ```console meanwhile ```` blocks. */
export function transcriptsOf(markdown: string): Transcript[] {
  return [...markdown.matchAll(/^```console( meanwhile)?\n(.*?)^```$/gms)].map(
    ([, meanwhile, block = '']) => ({
      commands: [...block.matchAll(/^\$ (.*)\n((?:(?!\$ ).*\n)*)/gm)].map(
        ([, command = '', output = '']) => ({ command, output }),
      ),
      meanwhile: meanwhile !== undefined,
    }),
  );
}

/** A command that runs in a shell, with both of its outputs as one. */
export interface Running {
  /** Whether it has said this so far. */
  readonly said: (words: string) => boolean;
  /** What it has printed, once it has ended. */
  readonly printed: Promise<string>;
}

export function run(command: string, cwd: string, env: NodeJS.ProcessEnv): Running {
  const child = spawn('sh', ['-c', `exec 2>&1\n${command}`], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: PATIENCE_MS,
  });
  let soFar = '';
  child.stdout.on('data', chunk => (soFar += String(chunk)));
  return { said: words => soFar.includes(words), printed: text(child.stdout) };
}

/** What differs from run to run: times, and names that are made anew. */
export function withoutChance(printed: string): string {
  return printed
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>');
}
