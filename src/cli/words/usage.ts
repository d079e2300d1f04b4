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
    case 'commander.unknownOption':
      return unknownOption(command, quoted);
    case 'commander.unknownCommand':
      return `unknown command ${quoted || '""'}${suggestion(
        quoted,
        command.commands.map(sub => sub.name()),
      )}`;
    case 'commander.optionMissingArgument':
      return `${quoted} needs a value`;
    case 'commander.missingMandatoryOptionValue': {
      // The missing option may only be misspelt.
      const misspelt = command.args.find(word => word.startsWith('--') && word.length > 2);
      return misspelt === undefined ? `${quoted} is missing` : unknownOption(command, misspelt);
    }
    case 'commander.missingArgument':
      return `the argument <${quoted}> is missing`;
    case 'commander.invalidArgument':
      return wrongValue(error.message);
    default:
      return error.message.replace(/^error: |\.$/g, '');
  }
}

function unknownOption(command: Command, word: string): string {
  const option = word.split('=', 1)[0] ?? word;
  return `unknown option ${option}${suggestion(option, optionsOf(command))}`;
}

/** Shortens the message for a value that an option or an argument does not accept, and adds the nearest choice. */
function wrongValue(message: string): string {
  const [, flags, ofOption, ofArgument, argument, rest = ''] = WRONG_VALUE.exec(message) ?? [];
  const value = ofOption ?? ofArgument ?? '';
  const name = flags ?? (argument === undefined ? undefined : `<${argument}>`);
  if (name === undefined) return message.replace(/^error: |\.$/g, '');
  const choices = /^Allowed choices are (.*)$/.exec(rest)?.[1];
  const meant = choices === undefined ? '' : suggestion(value, choices.split(', '));
  const asked = choices === undefined ? rest : `It must be one of ${choices}`;
  return `${name} "${value}" is invalid. ${asked}${meant}`;
}

/** Commander's message for an invalid value of an option or an argument. */
const WRONG_VALUE =
  /^error: (?:option '(.*?)' argument '([^]*)' is invalid|command-argument value '([^]*)' is invalid for argument '(.*?)')\. ([^]*?)\.?$/;

function optionsOf(command: Command): string[] {
  return [...command.options.flatMap(({ long }) => (long ? [long] : [])), '--help'];
}
