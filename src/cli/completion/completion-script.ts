import type { Command } from 'commander';
import { bashCompletion } from './bash.ts';
import { commandTree } from './command-tree.ts';
import { fishCompletion } from './fish.ts';
import { zshCompletion } from './zsh.ts';

const MAKERS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** Returns the script with which a shell completes the commands and options of a program. */
export function completionScript(shell: keyof typeof MAKERS, program: Command): string {
  return MAKERS[shell](commandTree(program));
}
