import { allCommands, nameOf, type CommandNode, type OptionNode } from './command-tree.ts';

/**
 * Returns a fish script that completes the commands, options and fixed values of a program, with their descriptions.
 */
export function fishCompletion(program: CommandNode): string {
  const { path: name } = program;
  const commands = allCommands(program);
  const lines = commands.flatMap(node => {
    const complete = `complete -c ${name} -n ${quoted(`test (__${name}_command) = "${node.path}"`)}`;
    const words = node.commands.map(sub => [nameOf(sub), sub.summary] as const);
    const others = [...words, ...node.choices.map(choice => [choice, ''] as const)];
    return [
      ...(others.length > 0 ? [`${complete} -f`] : []),
      ...others.map(([word, summary]) => `${complete} -a ${quoted(word)} -d ${quoted(summary)}`),
      ...node.options.map(option => `${complete} ${optionArguments(option)}`),
    ];
  });
  return `# Completion of ${name} for fish, printed by "${name} completion fish".
function __${name}_command
  set -l command ${name}
  for word in (commandline -opc)[2..-1]
    switch "$command $word"
      case ${commands
        .slice(1)
        .map(({ path }) => quoted(path))
        .join(' ')}
        set command "$command $word"
    end
  end
  echo $command
end
${lines.join('\n')}
`;
}

function optionArguments({ flags, description, takesValue, choices }: OptionNode): string {
  const names = flags.map(flag => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const value = choices.length > 0 ? `-x -a ${quoted(choices.join(' '))}` : takesValue ? '-r' : '';
  return [...names, value, `-d ${quoted(description)}`].filter(word => word !== '').join(' ');
}

/** Quotes text in single quotes for fish. */
function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, character => `\\${character}`)}'`;
}
