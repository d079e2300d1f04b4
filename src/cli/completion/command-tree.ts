import type { Command, Option } from 'commander';

/** A command, as a shell needs it for completion. */
export interface CommandNode {
  /** The words that call it: `tcw task log`. */
  readonly path: string;
  readonly summary: string;
  readonly commands: readonly CommandNode[];
  readonly options: readonly OptionNode[];
  /** What its arguments may be, where there is a choice. */
  readonly choices: readonly string[];
}

export interface OptionNode {
  /** `--run`, and `-r` where there is one. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** What its value may be, where there is a choice. */
  readonly choices: readonly string[];
}

/** Reads commands and options out of the program itself, so that completion always knows those that exist. */
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

/** A command and all below it. */
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
