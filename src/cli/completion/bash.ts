import { allCommands, nameOf, type CommandNode } from './command-tree.ts';
import { patterns, quoted } from './quoting.ts';

/** Returns a bash script that completes the commands, options and fixed values of a program. */
export function bashCompletion(program: CommandNode): string {
  const { path: name } = program;
  const commands = allCommands(program);
  const cases = commands.flatMap(({ path, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map(({ flags, choices }) => {
        const words = choices.length === 0 ? 'return' : `words=${quoted(choices.join(' '))}`;
        return `    ${patterns(flags.map(flag => `${path} ${flag}`))}) ${words} ;;`;
      }),
  );
  const words = commands.map(node => {
    const { path, options, choices } = node;
    const flags = options.flatMap(option => option.flags).join(' ');
    const others = [...node.commands.map(nameOf), ...choices].join(' ');
    return `    ${quoted(path)}) flags=${quoted(flags)} others=${quoted(others)} ;;`;
  });
  return `# Completion of ${name} for bash, printed by "${name} completion bash".
_${name}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local command=${name} i words= flags= others=
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command \${COMP_WORDS[i]}" in
      ${patterns(commands.slice(1).map(({ path }) => path))}) command="$command \${COMP_WORDS[i]}" ;;
    esac
  done
  # After an option with a value; without a choice, bash completes the names of files.
  case "$command $prev" in
${cases.join('\n')}
  esac
  case $command in
${words.join('\n')}
  esac
  if [[ -z $words ]]; then
    if [[ $cur == -* ]]; then words=$flags; else words=$others; fi
  fi
  local IFS=$' \\t\\n'
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _${name} ${name}
`;
}
