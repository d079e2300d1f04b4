import type { Command, Option } from 'commander';

/** The parts of a command that shell completion needs. */
export interface CommandNode {
  /** The words that call it: `tcw task log`. */
  readonly path: string;
  readonly summary: string;
  readonly commands: readonly CommandNode[];
  readonly options: readonly OptionNode[];
  /** The permitted values of its arguments, where the values are a fixed list. */
  readonly choices: readonly string[];
}

export interface OptionNode {
  /** `--run`, and the short form `-r` if there is one. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** The permitted values, where they are a fixed list. */
  readonly choices: readonly string[];
}

/** Reads commands and options from the program definition itself, so that the completion is never out of date. */
export function commandTree(command: Command, above = ''): CommandNode {
  const path = `${above}${command.name()}`;
  const help = command.createHelp();
  return {
    path,
    summary: oneLine(command.summary() || command.description()),
    commands: help.visibleCommands(command).map(sub => commandTree(sub, `${path} `)),
    options: help.visibleOptions(command).map(optionNode),
    choices: command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices),
  };
}

/** Returns a command and all its subcommands. */
export function allCommands(node: CommandNode): CommandNode[] {
  return [node, ...node.commands.flatMap(allCommands)];
}

export function nameOf({ path }: CommandNode): string {
  return path.slice(path.lastIndexOf(' ') + 1);
}

function optionNode({ long, short, description, argChoices = [], required, optional }: Option): OptionNode {
  return {
    flags: [long, short].flatMap(flag => flag ?? []),
    description: oneLine(description),
    takesValue: required || optional,
    choices: argChoices,
  };
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
