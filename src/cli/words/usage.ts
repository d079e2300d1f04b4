import type { Command, CommanderError } from 'commander';
import { EXIT_CODES } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { suggestion } from '../../base/index.ts';

/**
 * Describes a command line that no command accepts, in one line with the nearest known word. The value of an unknown
 * option is not shown, because it may be a secret.
 */
export function usageFailure(command: Command, error: CommanderError): Failure {
  return new Failure(
    EXIT_CODES.cannotLoadConfig.code,
    `${sentence(command, error)} (see ${fullName(command)} --help)`,
  );
}

/** The full name of a command, such as `tcw pulse queue`. */
function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}

function sentence(command: Command, error: CommanderError): string {
  const [, quoted = ''] = /'([^']*)'/.exec(error.message) ?? [];
  switch (error.code) {
    case 'commander.unknownOption': {
      const option = quoted.split('=', 1)[0] ?? quoted;
      return `unknown option ${option}${suggestion(option, optionsOf(command))}`;
    }
    case 'commander.unknownCommand':
      return `unknown command ${quoted}${suggestion(
        quoted,
        command.commands.map(sub => sub.name()),
      )}`;
    case 'commander.optionMissingArgument':
      return `${quoted} needs a value`;
    default:
      return error.message.replace(/^error: |\.$/g, '');
  }
}

function optionsOf(command: Command): string[] {
  return [...command.options.flatMap(({ long }) => (long ? [long] : [])), '--help'];
}
