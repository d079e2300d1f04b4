import type { Command } from 'commander';

/**
 * Turns `help task submit` into `task submit --help`. Commander would ignore all words after the first, and prints the help
 * of `tcw` for an unknown command.
 *
 * @throws CommanderError for an unknown command, also if `--help` follows it
 */
export function withoutHelpWords(program: Command, argv: readonly string[]): readonly string[] {
  const path: string[] = [];
  let command = program;
  let asksForHelp = false;
  for (const word of argv) {
    if (command.commands.length === 0 || word.startsWith('-')) break;
    if (word === 'help') {
      asksForHelp = true;
      continue;
    }
    const sub = command.commands.find(each => each.name() === word);
    if (!sub) return command.error(`unknown command '${word}'`, { code: 'commander.unknownCommand' });
    command = sub;
    path.push(word);
  }
  return asksForHelp ? [...path, '--help'] : argv;
}
